import os

from hypothesis import settings

import trainer  # noqa: F401 - selects Keras 2, before anything imports TensorFlow

# The time of an example depends on the load of the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# ranx computes metrics with Numba, which compiles for two minutes what then runs for a moment.
os.environ["NUMBA_DISABLE_JIT"] = "1"
