"""Tables of items and users."""
