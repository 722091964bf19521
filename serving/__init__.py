"""What leaves: export signatures, indexes, the server and its client."""
