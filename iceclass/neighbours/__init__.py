"""Neighbour search in any cell: one cell list, for sites and for query points."""
