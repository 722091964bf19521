"""The counts of the split of a refit, and the extent of a counted split."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import CountedSplit, read_counted_split, read_tables
from schemas.features import EVAL, REFIT, TEST, TRAIN
from tests.components.examples import example, write_splits
from tests.components.logs import local_pipeline


def test_refit_split_is_counted_with_items_of_no_other_example(tmp_path: Path) -> None:
    """The item x came after the test target c, so that only the refit has seen it."""
    held_out = [[example("ab", [10, 20])], [example("abc", [10, 20, 30])]]
    source = write_splits(
        tmp_path / "examples", {TRAIN: [[example("ab", [10, 20])]], EVAL: held_out[:1], TEST: held_out[1:]}
    )
    Path(source, f"Split-{REFIT}").mkdir()
    with tf.io.TFRecordWriter(f"{source}/Split-{REFIT}/data.gz", "GZIP") as writer:
        writer.write(example("abcx", [10, 20, 30, 40]))

    for split in (TRAIN, REFIT):
        with local_pipeline() as pipeline:
            count_baselines(pipeline, source, str(tmp_path / split), split=split)

    train, refit = (read_tables(str(tmp_path / split)) for split in (TRAIN, REFIT))
    assert (train.items.tolist(), train.interactions.tolist()) == (["a", "b", "c"], [0, 1, 0])
    assert (refit.items.tolist(), refit.interactions.tolist()) == (["a", "b", "c", "x"], [0, 1, 1, 1])
    assert read_counted_split(str(tmp_path / TRAIN)) == CountedSplit(targets=1, last_time_s=20)
    assert read_counted_split(str(tmp_path / REFIT)) == CountedSplit(targets=3, last_time_s=40)
