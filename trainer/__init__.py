"""Training: data, network, tasks, metrics, baselines."""

import os

# temporec needs Keras 2 on TensorFlow, in float32. The settings of the user's own Keras are overridden because the same
# configuration must train the same model on every machine, and another backend may not even be installed here.
# Keras and TensorFlow read these variables when they are imported, so they are set before.
os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TensorFlow Recommenders is written for Keras 2
os.environ["KERAS_BACKEND"] = "tensorflow"  # TFX imports Keras 3 as well
os.environ["KERAS_HOME"] = os.devnull  # so ~/.keras/keras.json is not read: it may set another backend or float type
