"""Checks of the data before training: the schema, drift since the previous run, and skew to logged requests."""
