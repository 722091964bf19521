"""Counts of files, rows and interactions, and the report of an ingestion."""
