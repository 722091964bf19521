"""Baselines: counts the tables that the baselines recommend from."""
