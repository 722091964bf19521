"""The inputs of a request in addition to item ids reach the model as feature ids."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from schemas.errors import InputError
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from serving.server.client import Client
from serving.server.server import ModelServer
from tests.serving.successor import Read, Successor, write_model


def strings(rows: list[list[str]]) -> tf.Tensor:
    return tf.constant(rows, tf.string, [len(rows), len(rows[0])])


class EchoModel(Successor):
    """A model whose ranking score is its input: a digit for each feature id, by name, then by position."""

    def __init__(self, encodings: FeatureEncodings) -> None:
        super().__init__(serves_reranked=True)
        self.encodings = encodings

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Read:
        return super().encode(item_ids, codes)._replace(echo=tf.concat([codes[name] for name in sorted(codes)], axis=1))

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        digits = history.echo
        powers = 10.0 ** tf.range(tf.shape(digits)[1] - 1, -1, -1, tf.float32)
        return tf.cast(candidate_ids, tf.float32) * 0.0 + tf.reduce_sum(
            tf.cast(digits, tf.float32) * powers, axis=1, keepdims=True
        )


def echoed(path: Path, **inputs: Any) -> float:
    """Return the score of a history of two items, which is the model's input."""
    loaded = tf.saved_model.load(str(path)).signatures["score"]
    times = inputs.pop("timestamps_s", tf.zeros([1, 1], tf.int64))
    answer = loaded(item_ids=strings([["a", "b"]]), candidate_ids=strings([["c"]]), timestamps_s=times, **inputs)
    return float(answer["scores"].numpy()[0, 0])


def digits(**codes: list[int]) -> float:
    """Return the score for these feature ids of the two items and of the query."""
    found = [code for name in sorted(codes) for code in codes[name]]
    return float(np.dot(np.array(found, np.float32), 10.0 ** np.arange(len(found), dtype=np.float32)[::-1]))


def test_score_categories_and_numbers_are_encoded_and_missing_ones_are_0(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    events = FeatureEncoding(vocabulary_file=str(tmp_path / "events"))
    stars = FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32))
    of_events = write_model(tmp_path / "a", EchoModel(FeatureEncodings(columns={"event": events})))
    of_stars = write_model(tmp_path / "b", EchoModel(FeatureEncodings(columns={"stars": stars})))

    assert echoed(of_events, event=strings([["buy", "view"]])) == digits(x=[2, 1, 0])  # a query has no event
    assert echoed(of_events, event=strings([["", "sell"]])) == digits(x=[0, 3, 0])
    assert echoed(of_events, event=strings([[""]])) == digits(x=[0, 0, 0])
    assert echoed(of_stars, stars=tf.constant([[1.0, 4.0]])) == digits(x=[1, 3, 0])
    assert echoed(of_stars, stars=tf.constant([[float("nan"), 3.0]])) == digits(x=[0, 2, 0])


def test_score_times_are_encoded_between_interactions_and_until_the_query(tmp_path: Path) -> None:
    boundaries = np.array([10.0, 100.0], np.float32)
    past = write_model(tmp_path / "past", EchoModel(FeatureEncodings(boundaries, times=True)))
    query = write_model(tmp_path / "query", EchoModel(FeatureEncodings(boundaries, times=True, query_times=True)))
    times = tf.constant([[36_000, 36_050]], tf.int64)  # 10:00 on a Thursday

    unasked = digits(gap=[0, 2, 0], hour=[11, 11, 0], weekday=[4, 4, 0])
    none = tf.constant([0], tf.int64)
    assert echoed(past, timestamps_s=times) == echoed(query, timestamps_s=times, query_timestamps_s=none) == unasked
    asked = digits(gap=[0, 2, 1], hour=[11, 11, 11], weekday=[4, 4, 4])
    assert echoed(query, timestamps_s=times, query_timestamps_s=tf.constant([36_051], tf.int64)) == asked


def test_saved_model_lists_further_inputs_and_their_defaults(tmp_path: Path) -> None:
    stars = FeatureEncoding(boundaries=np.array([2.0], np.float32))
    encodings = FeatureEncodings(np.array([10.0], np.float32), times=True, query_times=True, columns={"stars": stars})
    path = write_model(tmp_path / "model", EchoModel(encodings))
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    definitions = saved.meta_graphs[0].signature_def
    further = {"timestamps_s", "query_timestamps_s", "stars"}

    assert set(definitions["recommend"].inputs) == {"item_ids", "exclude", "k", *further}
    assert set(definitions["score"].inputs) == {"item_ids", "candidate_ids", *further}
    assert set(definitions["explain"].defaults) == further


def test_recommend_sorts_further_columns_by_time(tmp_path: Path) -> None:
    stars = FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32))
    path = write_model(tmp_path / "model", EchoModel(FeatureEncodings(columns={"stars": stars})))
    recommend = tf.saved_model.load(str(path)).signatures["recommend"]
    rest: dict[str, Any] = {"exclude": tf.zeros([1, 0], tf.string), "k": tf.constant(1)}

    early_first, late_first = (
        recommend(
            item_ids=strings([items]),
            timestamps_s=tf.constant([times], tf.int64),
            stars=tf.constant([numbers]),
            **rest,
        )["scores"].numpy()[0, 0]
        for items, times, numbers in ((["a", "b"], [1, 2], [1.0, 5.0]), (["b", "a"], [2, 1], [5.0, 1.0]))
    )

    assert early_first == late_first == 130


def test_client_context_reaches_the_model(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    columns = {
        "event": FeatureEncoding(vocabulary_file=str(tmp_path / "events")),
        "stars": FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32)),
    }
    write_model(tmp_path / "models" / "1", EchoModel(FeatureEncodings(columns=columns)))
    context: dict[str, Any] = {"event": [["buy", "view"], ["view"]], "stars": [[1.0, 5.0], [3.0]]}

    with ModelServer(tmp_path / "models") as server, Client(f"localhost:{server.port}") as client:
        scores = client.score([["a", "b"], ["a"]], [["c"], ["c"]], context=context)
        unasked = client.score([["a", "b"]], [["c"]])
        (answer,) = client.recommend([["a", "b"]], k=1, context={"stars": [[1, 5]], "event": [[]]})
        with pytest.raises(InputError, match="no input colour of 'score'"):
            client.score([["a"]], [["c"]], context={"colour": [["red"]]})

    assert scores == [[digits(event=[2, 1, 0], stars=[1, 3, 0])], [digits(event=[1, 0, 0], stars=[2, 0, 0])]]
    assert unasked == [[0.0]]
    assert answer.scores == [digits(event=[0, 0, 0], stars=[1, 3, 0])]


def test_client_query_times_reach_the_model(tmp_path: Path) -> None:
    encodings = FeatureEncodings(np.array([10.0, 100.0], np.float32), times=True, query_times=True)
    write_model(tmp_path / "models" / "1", EchoModel(encodings))
    context: dict[str, Any] = {"timestamps_s": [[36_000, 36_050]], "query_timestamps_s": [36_051]}

    with ModelServer(tmp_path / "models") as server, Client(f"localhost:{server.port}") as client:
        scores = client.score([["a", "b"]], [["c"]], context=context)

    assert scores == [[digits(gap=[0, 2, 1], hour=[11, 11, 11], weekday=[4, 4, 4])]]
