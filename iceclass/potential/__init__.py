"""The descriptors as an energy model: high-dimensional neural network potentials (HDNNP)."""
