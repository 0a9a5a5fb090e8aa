"""Making structures and trajectories: GenIce2 lattices, LAMMPS, and a recipe for every phase."""
