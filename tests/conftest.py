from hypothesis import settings

import trainer  # noqa: F401 - selects Keras 2, before anything imports TensorFlow

# The time of an example depends on the load of the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
