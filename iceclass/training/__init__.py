"""Training the network, in PyTorch."""
