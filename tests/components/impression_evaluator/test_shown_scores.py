"""The inputs that reach a saved model from an impression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.impression_evaluator.shown_scores import model_scores
from schemas.impression import QUERIED_IMPRESSION
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from tests.serving.export.test_request_features import EchoModel, digits
from tests.serving.successor import LOWEST, Successor, write_model


def impressions(*rows: tuple[list[str], list[int], list[str]], time_s: float = 36_051.0) -> pa.RecordBatch:
    """Return impressions of (history, its times, shown items)."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "impression_id": str(number),
                "user_id": "u",
                "timestamp_s": time_s,
                "history": history,
                "history_times_s": times,
                "shown": shown,
                "clicked": [False] * len(shown),
            }
            for number, (history, times, shown) in enumerate(rows)
        ],
        schema=QUERIED_IMPRESSION,
    )


def scores(model: Any, found: pa.RecordBatch) -> list[float]:
    """Return the scores of the system `model`, with all shown items in the training."""
    return list(model_scores(model, found, np.ones(len(found.column("shown").flatten()), np.bool_))["model"])


def load(path: Path, model: Successor) -> Any:
    return tf.saved_model.load(str(write_model(path, model)))


def test_scores_of_many_lists_are_in_the_order_of_the_log(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    shown = [generator.choice(list("abcdefx"), size=size).tolist() for size in generator.integers(1, 9, size=80)]
    rows = [(["a"] * (number % 4), [0] * (number % 4), items) for number, items in enumerate(shown)]

    found = scores(load(tmp_path / "model", Successor()), impressions(*rows))

    popularity = dict(zip("abcdef", [0.25, 0.125, 0.0625, 0.5, 0.125, 0.0], strict=True))
    expected = [
        LOWEST if item == "x" else 100 * len(history) + 10 + "abcdef".index(item) + 1 if history else popularity[item]
        for history, _, items in rows
        for item in items
    ]
    assert found == pytest.approx(expected)


def test_times_of_history_and_impression_reach_the_model(tmp_path: Path) -> None:
    boundaries = np.array([10.0, 100.0], np.float32)
    model = load(tmp_path / "model", EchoModel(FeatureEncodings(boundaries, times=True, query_times=True)))

    found = scores(model, impressions((["a", "b"], [36_000, 36_050], ["c", "d"]), (["a"], [0], ["c"])))

    known = digits(gap=[0, 2, 1], hour=[11, 11, 11], weekday=[4, 4, 4])  # 10:00 on a Thursday
    unknown = digits(gap=[0, 0, 0], hour=[0, 11, 0], weekday=[0, 4, 0])
    assert found == pytest.approx([known, known, unknown], rel=1e-6)


def test_further_columns_of_the_history_are_missing(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    events = FeatureEncoding(vocabulary_file=str(tmp_path / "events"))
    stars = FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32))
    model = load(tmp_path / "model", EchoModel(FeatureEncodings(columns={"event": events, "stars": stars})))

    assert scores(model, impressions((["a", "b"], [0, 0], ["c"]))) == [0.0]
