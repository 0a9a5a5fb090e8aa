"""Figures, in one style and with the same colours for the phases."""
