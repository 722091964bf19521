"""The table of items as an artifact."""
