"""Labels for frames and trajectories of any length."""
