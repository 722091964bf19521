"""Every example in a docstring runs and prints what it shows."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("schemas", "serving", "trainer", "components", "pipeline", "docs")
EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", EXAMPLES)
def test_docstring_example_prints_what_it_shows(module: str) -> None:
    loaded = importlib.import_module(module)
    found = [test for test in doctest.DocTestFinder().find(loaded) if test.examples]

    assert found  # also those that are marked `+SKIP`, because they need a trained model or a server
    assert doctest.testmod(loaded, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
