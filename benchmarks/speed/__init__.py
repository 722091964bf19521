"""The speed of training: its parts, and its growth with the catalogue and the history."""
