import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

import trainer  # noqa: F401 - selects Keras 2, before anything imports TensorFlow

# The time of an example depends on the load of the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# ranx computes metrics with Numba, which compiles for two minutes what then runs for a moment.
os.environ["NUMBA_DISABLE_JIT"] = "1"


_REPOSITORY = Path(__file__).parents[1]


class _OneRunScheduling(LoadFileScheduling):
    """Gives the tests of a file to one process, and all files with the planted run too, which takes a minute."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "first_run" if "first_run: Run" in (_REPOSITORY / file).read_text() else file


@pytest.hookimpl(optionalhook=True)  # for one process, the plugin can be switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _OneRunScheduling(config, log)
