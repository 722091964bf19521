"""From a clone to a ready environment. Standard library only."""
