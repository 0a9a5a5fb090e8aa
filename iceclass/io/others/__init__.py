"""File formats that ASE and MDAnalysis read."""
