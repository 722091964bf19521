"""The ModelGate, which decides whether a model is blessed."""
