"""A configuration to start from, guessed from a file."""
