import trainer  # noqa: F401 - chooses Keras 2, which must happen before anything imports TensorFlow
