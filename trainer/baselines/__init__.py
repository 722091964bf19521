"""Baselines: recommenders that count and learn no parameters."""
