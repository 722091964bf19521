"""Batches of transformed examples, and what is known of the training split."""
