"""Making structures and trajectories: GenIce2 lattices, LAMMPS runs, one recipe per way of making a phase."""
