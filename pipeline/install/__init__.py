"""Make a ready environment from a clone. Standard library only."""
