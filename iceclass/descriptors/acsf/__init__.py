"""Symmetry functions."""
