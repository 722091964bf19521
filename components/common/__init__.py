"""Modules that several components use."""
