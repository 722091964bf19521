from pathlib import Path

import pytest

from tests.serving.successor import Successor, write_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that removes seen items; only to be read."""
    return write_model(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="session")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that recommends the letter after the next first."""
    return write_model(tmp_path_factory.mktemp("models") / "second", Successor(step=2))
