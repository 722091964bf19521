"""Recommenders that count instead of learning."""
