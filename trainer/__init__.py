"""What learns: encoder, attention, tasks, input data, metrics."""
