"""Moment tensors (MTP)."""
