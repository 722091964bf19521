from hypothesis import settings

import trainer  # noqa: F401 - chooses Keras 2, which must happen before anything imports TensorFlow

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
