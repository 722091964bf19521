"""The examples in docstrings that run without TensorFlow and Beam."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "schemas.file_patterns",
    "components.example_gen.splits",
    "trainer.baselines.recommenders",
    "trainer.baselines.sparse_top_k",
    "trainer.metrics.accuracy",
    "trainer.metrics.beyond_accuracy",
    "trainer.metrics.catalogue",
    "trainer.metrics.item_distance",
    "trainer.metrics.lists",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_print_the_documented_results(name: str) -> None:
    found = doctest.testmod(import_module(name))

    assert found.attempted > 0, f"no example in {name}"
    assert found.failed == 0
