"""The pipeline, its runners and the command line."""

import trainer  # noqa: F401 - selects Keras 2, before TFX imports TensorFlow
