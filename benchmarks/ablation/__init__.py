"""The effect of each switch of the model."""
