"""Keras callbacks that show a training."""
