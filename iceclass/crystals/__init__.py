"""Crystal structures from CIF files: curated, relaxed with learned potentials, compared."""
