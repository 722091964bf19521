"""Serving: export signatures, top-k indexes, the development server and its client."""
