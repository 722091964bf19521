"""The Evaluator, which measures the model, the previous model and the baselines."""
