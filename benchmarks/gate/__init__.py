"""The gate, simulated."""
