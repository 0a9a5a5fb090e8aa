"""The bispectrum (SNAP)."""
