"""The examples in docstrings that run in a moment."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "schemas.file_patterns",
    "components.evaluator.component",
    "components.evaluator.slices",
    "components.evaluator.statistics",
    "components.example_gen.splits",
    "components.gate.component",
    "components.gate.list_checks",
    "components.pusher.component",
    "components.resolver.last_pushed_model",
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
