"""Long measurements: each folder has its own commands and recorded results."""
