"""What learns: encoder, attention, tasks, input data, metrics."""

import os

# TensorFlow Recommenders is written for Keras 2, which TensorFlow takes only when told before it is imported.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
