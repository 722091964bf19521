"""Input of the training: batches of transformed examples, statistics of the training split, features to read."""
