from __future__ import annotations

from pathlib import Path

from pipeline.report.lengths import read_lengths


def test_lengths_come_from_the_examples(finished_root: Path) -> None:
    lengths = read_lengths(str(finished_root / "artifacts" / "statistics"))
    # The history has one of the four letters in training, two in validation and three in test.
    assert {split: (found.examples, found.mean, found.median) for split, found in lengths.items()} == {
        "train": (30, 1.0, 1.0),
        "eval": (30, 2.0, 2.0),
        "test": (30, 3.0, 3.0),
    }
    assert all(len(found.deciles) == 11 for found in lengths.values())
