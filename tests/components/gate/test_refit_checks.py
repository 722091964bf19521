"""Checks of a refitted model, on small real exports of a model that recommends the next letters of the alphabet."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from components.gate.export_checks import check_refit, check_refit_recall
from schemas.config.evaluation import GateConfig
from tests.components.examples import write_splits
from tests.components.gate.test_export_checks import TEST
from tests.serving.successor import ITEMS, write_model

SOUND = {
    "finite_scores",
    "distinct_scores",
    "personalized_lists",
    "full_lists",
    "known_items",
    "distinct_items",
    "no_seen_items",
    "served_equals_evaluated",
    "validation_recall",
    "max_size_mb",
    "max_latency_ms",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("judged") / "model", k=4)


def checks_of(refitted: Path, judged: Path, folder: Path, gate: GateConfig | None = None) -> dict[str, bool]:
    """Return which checks passed, by their ids without the brackets at the end."""
    examples = write_splits(folder / "examples", {"test": [TEST], "eval": [TEST]})
    found = check_refit(
        str(refitted),
        str(judged),
        gate or GateConfig(beat=()),
        np.array(ITEMS, dtype=object),
        f"{examples}/Split-test",
        f"{examples}/Split-eval",
        remove_seen=True,
    )
    assert all(check.id.endswith("[refit]") and check.title.endswith(", after the refit") for check in found)
    return {check.id.removesuffix("[refit]"): check.passed for check in found}


def test_check_refit_of_the_judged_model_itself_passes(judged: Path, tmp_path: Path) -> None:
    assert checks_of(judged, judged, tmp_path) == dict.fromkeys(SOUND, True)


def test_check_refit_with_shorter_lists_fails(judged: Path, tmp_path: Path) -> None:
    short = write_model(tmp_path / "short", k=3)
    assert [name for name, passed in checks_of(short, judged, tmp_path).items() if not passed] == ["full_lists"]


def test_check_refit_with_seen_items_fails(judged: Path, tmp_path: Path) -> None:
    """The letter before the history's is the last of six, so lists of all letters hold the history's letter."""
    repeating = write_model(tmp_path / "repeating", k=6, remove_seen=False)
    assert not checks_of(repeating, judged, tmp_path)["no_seen_items"]


def test_check_refit_compares_the_size_with_its_limit(judged: Path, tmp_path: Path) -> None:
    assert not checks_of(judged, judged, tmp_path, GateConfig(beat=(), max_size_mb=1e-6))["max_size_mb"]


@pytest.mark.parametrize(
    ("refitted", "expected"),
    [(0.2, True), (0.181, True), (0.179, False), (float("nan"), False)],  # 0.9 x 0.2 = 0.18
)
def test_validation_recall_may_be_a_tenth_lower(refitted: float, expected: bool) -> None:
    assert check_refit_recall(refitted, 0.2).passed == expected


def test_guide_lists_the_checks_of_a_refit() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "gate.md").read_text()
    section = guide.partition("## The refit\n")[2].partition("\n## ")[0]
    named = {
        name for line in section.splitlines() if line.startswith(("- ", "  ")) for name in re.findall(r"`(\w+)`", line)
    }
    assert named == SOUND
