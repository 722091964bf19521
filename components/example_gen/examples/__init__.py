"""Splits, histories and the examples that hold them."""
