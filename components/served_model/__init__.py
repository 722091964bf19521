"""ServedModel, which finds the model that a candidate is compared with."""
