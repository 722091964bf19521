"""The impressions to learn from, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.trainer.impression_files import write_impressions
from trainer.data.impressions import read_shown_items


def test_items_of_both_splits_share_their_codes(tmp_path: Path) -> None:
    train: list[tuple[list[str], str, str]] = [([], "a b", "b"), ([], "c", "")]
    write_impressions(tmp_path, propensities=[1.0, None], train=train, eval=[(["a"], "d b a", "d a")])

    log = read_shown_items(str(tmp_path))

    assert [log.ids[log.train.items].tolist(), log.ids[log.eval.items].tolist()] == [["a", "b", "c"], ["d", "b", "a"]]
    assert sorted(log.ids) == ["a", "b", "c", "d"]
    assert log.train.lengths.tolist() == [2, 1]
    assert log.train.lists.tolist() == [0, 0, 1]
    assert log.train.positions.tolist() == [0, 1, 0]
    assert log.train.clicked.tolist() == [False, True, False]
    assert log.eval.clicked.tolist() == [True, False, True]
    assert log.propensities is not None
    assert np.array_equal(log.propensities, [1.0, np.nan], equal_nan=True)


def test_log_without_earlier_impressions_has_no_lists(tmp_path: Path) -> None:
    log = read_shown_items(str(write_impressions(tmp_path)))

    assert [len(log.ids), len(log.train.lengths), len(log.eval.items)] == [0, 0, 0]
    assert log.propensities is None
