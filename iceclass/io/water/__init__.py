"""Which atoms are water: sites, hydrogens and the molecules they make."""
