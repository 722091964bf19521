"""Requests in the files that TensorFlow Serving writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from components.data_validator.request_counts import count_requests
from schemas.errors import InputError

HOUR_S = 444_444 * 3600  # in 2020


def log(signature: str = "recommend", **inputs: Any) -> bytes:
    record = prediction_log_pb2.PredictionLog()
    request = record.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = "temporec", signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return record.SerializeToString()


def write(path: Path, records: Sequence[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def counts(files: Sequence[str], columns: Sequence[str] = ()) -> dict[tuple[str, str], int]:
    return {(row["feature"], row["value"]): row["count"] for row in count_requests(files, columns).to_pylist()}


def test_last_interaction_of_each_history_counts(tmp_path: Path) -> None:
    """The first two histories are one user's, before and after an interaction; the third is not in order of time."""
    events = ["view", "buy", "buy"]
    records = [
        log(item_ids=[["a", "b"]], timestamps_s=[[HOUR_S, HOUR_S + 100]], event=[events[:2]], k=5),
        log(item_ids=[["a", "b", "c"]], timestamps_s=[[HOUR_S, HOUR_S + 100, HOUR_S + 3700]], event=[events]),
        log(item_ids=[["b", "d", ""], ["", "", ""]], timestamps_s=[[HOUR_S + 50, HOUR_S, 0], [0, 0, 0]]),
        log("score", item_ids=[["z"]], candidate_ids=[["a"]]),
    ]
    files = [write(tmp_path / "0", records[:2]), write(tmp_path / "1", records[2:])]
    assert counts(files, ["event"]) == {
        ("", ""): 2,
        ("item_id", "b"): 2,
        ("item_id", "c"): 1,
        ("history_length", "1"): 3,  # two or three items
        ("hour", "444444"): 2,
        ("hour", "444445"): 1,
        ("event", "buy"): 2,
    }


def test_requests_without_times_have_no_hours(tmp_path: Path) -> None:
    assert counts([write(tmp_path / "0", [log(item_ids=[["a"]])])]) == {
        ("", ""): 1,
        ("item_id", "a"): 1,
        ("history_length", "0"): 1,
    }


@pytest.mark.parametrize("record", [b"no message", log(item_ids=[1, 2])])
def test_other_records_are_refused_with_their_file(tmp_path: Path, record: bytes) -> None:
    path = write(tmp_path / "requests", [record])
    with pytest.raises(InputError, match=r"PredictionLog(.|\n)*data\.checks\.serving_requests") as raised:
        count_requests([path], [])
    assert path in raised.value.expected
