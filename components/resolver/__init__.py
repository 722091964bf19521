"""The resolver, which chooses the model that a candidate is compared with."""
