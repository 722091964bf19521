"""Rules that leave out valid interactions."""
