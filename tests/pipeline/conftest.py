from pathlib import Path

import pytest

from tests.pipeline.report_root import write_root


@pytest.fixture(scope="session")
def finished_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished run; do not change it."""
    return write_root(tmp_path_factory.mktemp("alphabet"))
