"""The network: training in PyTorch, inference in NumPy, calibration, novelty, model files."""
