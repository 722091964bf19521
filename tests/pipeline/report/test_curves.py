from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.report.curves import read_curves
from tests.pipeline.report_root import LOSSES, RECALLS, write_curves


def test_curves_are_what_the_trainer_logged_epoch_by_epoch(tmp_path: Path) -> None:
    write_curves(tmp_path)
    curves = read_curves(str(tmp_path))
    assert curves.train == {"loss": list(enumerate(LOSSES, start=1))}
    assert list(curves.validation) == ["recall@10"]
    assert [value for _, value in curves.validation["recall@10"]] == pytest.approx(RECALLS)


def test_an_epoch_that_was_trained_twice_counts_once(tmp_path: Path) -> None:
    write_curves(tmp_path)
    with tf.summary.create_file_writer(str(tmp_path / "train"), filename_suffix=".later").as_default():
        for epoch, value in ((2, 1.25), (3, 1.0)):
            tf.summary.scalar("epoch_loss", value, step=epoch)
    assert read_curves(str(tmp_path)).train["loss"] == [(1, 3.0), (2, 2.0), (3, 1.25), (4, 1.0)]


def test_where_nothing_was_logged_there_are_none(tmp_path: Path) -> None:
    assert read_curves(str(tmp_path)) == ({}, {})
