"""Time from a compressed log to examples."""
