from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import tensorflow as tf

from components.example_gen.examples.history_writer import write_examples
from components.example_gen.interactions.spill import Shard


def write(folder: Path, ids: list[list[bytes]]) -> str:
    batches = [
        pa.RecordBatch.from_arrays([pa.array([[each] for each in part], pa.large_list(pa.binary()))], ["user_id"])
        for part in ids
    ]
    return write_examples(batches, "eval", Shard(1, 4), str(folder), f"{folder}/scratch")


def test_examples_are_in_a_file_of_their_split_and_shard_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, [[b"b", b"a"], [b"c"]])

    assert path == f"{tmp_path}/Split-eval/data_tfrecord-00001-of-00004.gz"
    found = [tf.train.Example.FromString(each.numpy()) for each in tf.data.TFRecordDataset(path, "GZIP")]
    assert [each.features.feature["user_id"].bytes_list.value for each in found] == [[b"b"], [b"a"], [b"c"]]
    assert [each.name for each in (tmp_path / "scratch").iterdir()] == []


def test_file_without_an_example_is_written_as_well(tmp_path: Path) -> None:
    assert list(tf.data.TFRecordDataset(write(tmp_path, []), "GZIP")) == []
