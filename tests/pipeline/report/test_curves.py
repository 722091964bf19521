from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from tensorboard.compat.proto import event_pb2

from pipeline.report.curves import read_curves
from tests.pipeline.report_root import LOSSES, RECALLS, write_curves


def test_curves_have_the_values_of_each_epoch(tmp_path: Path) -> None:
    write_curves(tmp_path)
    curves = read_curves(str(tmp_path))
    assert curves.train == {"loss": list(enumerate(LOSSES, start=1))}
    assert list(curves.validation) == ["recall@10"]
    assert [value for _, value in curves.validation["recall@10"]] == pytest.approx(RECALLS)


def test_epoch_trained_twice_counts_once(tmp_path: Path) -> None:
    write_curves(tmp_path)
    with tf.summary.create_file_writer(str(tmp_path / "train"), filename_suffix=".later").as_default():
        for epoch, value in ((2, 1.25), (3, 1.0)):
            tf.summary.scalar("epoch_loss", value, step=epoch)
    assert read_curves(str(tmp_path)).train["loss"] == [(1, 3.0), (2, 2.0), (3, 1.25), (4, 1.0)]


def test_epoch_trained_twice_has_the_later_value_in_files_with_any_names(tmp_path: Path) -> None:
    # The counter at the end of a file's name is not padded: the name of the ninth file sorts after the tenth.
    for number, value, wall_time in ((9, 2.0, 100.0), (10, 1.0, 101.0)):
        event = event_pb2.Event(wall_time=wall_time, step=0)
        event.summary.value.add(
            tag="epoch_loss", tensor={"dtype": "DT_FLOAT", "tensor_shape": {}, "float_val": [value]}
        )
        (tmp_path / "train").mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(tmp_path / "train" / f"events.out.tfevents.100.host.1.{number}.v2")) as file:
            file.write(event.SerializeToString())
    assert read_curves(str(tmp_path)).train["loss"] == [(1, 1.0)]


def test_folder_with_brackets_has_curves(tmp_path: Path) -> None:
    write_curves(tmp_path / "[2024]")
    assert read_curves(str(tmp_path / "[2024]")).train == {"loss": list(enumerate(LOSSES, start=1))}


def test_folder_without_files_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(str(tmp_path)) == ({}, {})
