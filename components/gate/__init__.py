"""ModelGate: decides whether a model is blessed."""
