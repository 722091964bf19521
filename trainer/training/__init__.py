"""Fitting the network: optimizer, checkpoints, strategy, re-ranker."""
