"""Explanations of recommendations: which items of a history weighed most, and whether that is true."""
