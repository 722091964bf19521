"""InteractionExampleGen: a log becomes training, validation and test examples."""
