"""Rows that are accepted, and rows that are rejected with a reason."""
