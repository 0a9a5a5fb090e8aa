"""A model where people look: stacking, other ices, perturbations, interfaces, one module each."""
