"""Metrics of recommended lists."""
