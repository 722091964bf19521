"""The examples in docstrings, where they need neither TensorFlow nor Beam to run."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "schemas.file_patterns",
    "components.example_gen.splits",
    "trainer.metrics.accuracy",
    "trainer.metrics.beyond_accuracy",
    "trainer.metrics.catalogue",
    "trainer.metrics.lists",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_give_what_they_show(name: str) -> None:
    found = doctest.testmod(import_module(name))

    assert found.attempted > 0, f"no example in {name}"
    assert found.failed == 0
