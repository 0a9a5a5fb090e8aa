"""The network: its forward pass, compiled and in NumPy, the score for unknown, and its file."""
