"""Schemas of the data: configuration, interactions, features. Imports no framework."""
