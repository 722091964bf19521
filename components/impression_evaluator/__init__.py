"""Metrics of a model on lists that users were shown."""
