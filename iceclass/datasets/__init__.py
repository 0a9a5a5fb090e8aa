"""Trajectories of known phase, their features, and how they are split."""
