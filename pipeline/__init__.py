"""What is wired: the pipeline, its orchestrators, the command line."""

import trainer  # noqa: F401 - chooses Keras 2, which must happen before TFX imports TensorFlow
