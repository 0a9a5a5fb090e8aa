"""Files that LAMMPS reads and writes."""
