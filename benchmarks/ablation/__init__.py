"""What each switch of the model does."""
