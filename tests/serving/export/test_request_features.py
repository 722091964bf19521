"""What a request tells beside item ids reaches the model as codes."""

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


class Telling(Successor):
    """Its ranking score says what it was told: a digit for each code, in the order of names, then of places."""

    def __init__(self, encodings: FeatureEncodings) -> None:
        super().__init__(serves_reranked=True)
        self.encodings = encodings

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Read:
        return super().encode(item_ids, codes)._replace(told=tf.concat([codes[name] for name in sorted(codes)], axis=1))

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        digits = history.told
        powers = 10.0 ** tf.range(tf.shape(digits)[1] - 1, -1, -1, tf.float32)
        return tf.cast(candidate_ids, tf.float32) * 0.0 + tf.reduce_sum(
            tf.cast(digits, tf.float32) * powers, axis=1, keepdims=True
        )


def told(path: Path, **inputs: Any) -> float:
    """What the model was given with a history of two items."""
    loaded = tf.saved_model.load(str(path)).signatures["score"]
    times = inputs.pop("timestamps_s", tf.zeros([1, 1], tf.int64))
    answer = loaded(item_ids=strings([["a", "b"]]), candidate_ids=strings([["c"]]), timestamps_s=times, **inputs)
    return float(answer["scores"].numpy()[0, 0])


def digits(**codes: list[int]) -> float:
    """The score for these codes of the two items and of what follows."""
    found = [code for name in sorted(codes) for code in codes[name]]
    return float(np.dot(np.array(found, np.float32), 10.0 ** np.arange(len(found), dtype=np.float32)[::-1]))


def test_the_model_is_told_of_categories_and_numbers_and_0_where_no_one_tells(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    events = FeatureEncoding(vocabulary_file=str(tmp_path / "events"))
    stars = FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32))
    of_events = write_model(tmp_path / "a", Telling(FeatureEncodings(columns={"event": events})))
    of_stars = write_model(tmp_path / "b", Telling(FeatureEncodings(columns={"stars": stars})))

    assert told(of_events, event=strings([["buy", "view"]])) == digits(x=[2, 1, 0])  # of what follows nothing is known
    assert told(of_events, event=strings([["", "sell"]])) == digits(x=[0, 3, 0])
    assert told(of_events, event=strings([[""]])) == digits(x=[0, 0, 0])
    assert told(of_stars, stars=tf.constant([[1.0, 4.0]])) == digits(x=[1, 3, 0])
    assert told(of_stars, stars=tf.constant([[float("nan"), 3.0]])) == digits(x=[0, 2, 0])


def test_the_model_is_told_of_the_times_between_interactions_and_until_the_query(tmp_path: Path) -> None:
    boundaries = np.array([10.0, 100.0], np.float32)
    past = write_model(tmp_path / "past", Telling(FeatureEncodings(boundaries, times=True)))
    query = write_model(tmp_path / "query", Telling(FeatureEncodings(boundaries, times=True, query_times=True)))
    times = tf.constant([[36_000, 36_050]], tf.int64)  # 10:00 on a Thursday

    unasked = digits(gap=[0, 2, 0], hour=[11, 11, 0], weekday=[4, 4, 0])
    none = tf.constant([0], tf.int64)
    assert told(past, timestamps_s=times) == told(query, timestamps_s=times, query_timestamps_s=none) == unasked
    asked = digits(gap=[0, 2, 1], hour=[11, 11, 11], weekday=[4, 4, 4])
    assert told(query, timestamps_s=times, query_timestamps_s=tf.constant([36_051], tf.int64)) == asked


def test_the_file_says_what_the_model_may_be_told(tmp_path: Path) -> None:
    stars = FeatureEncoding(boundaries=np.array([2.0], np.float32))
    encodings = FeatureEncodings(np.array([10.0], np.float32), times=True, query_times=True, columns={"stars": stars})
    path = write_model(tmp_path / "model", Telling(encodings))
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    definitions = saved.meta_graphs[0].signature_def
    further = {"timestamps_s", "query_timestamps_s", "stars"}

    assert set(definitions["recommend"].inputs) == {"item_ids", "exclude", "k", *further}
    assert set(definitions["score"].inputs) == {"item_ids", "candidate_ids", *further}
    assert set(definitions["explain"].defaults) == further


def test_times_put_what_is_told_in_order_too(tmp_path: Path) -> None:
    stars = FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32))
    path = write_model(tmp_path / "model", Telling(FeatureEncodings(columns={"stars": stars})))
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


def test_a_client_tells_a_server(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    columns = {
        "event": FeatureEncoding(vocabulary_file=str(tmp_path / "events")),
        "stars": FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32)),
    }
    write_model(tmp_path / "models" / "1", Telling(FeatureEncodings(columns=columns)))
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


def test_a_client_tells_of_the_query_s_time(tmp_path: Path) -> None:
    encodings = FeatureEncodings(np.array([10.0, 100.0], np.float32), times=True, query_times=True)
    write_model(tmp_path / "models" / "1", Telling(encodings))
    context: dict[str, Any] = {"timestamps_s": [[36_000, 36_050]], "query_timestamps_s": [36_051]}

    with ModelServer(tmp_path / "models") as server, Client(f"localhost:{server.port}") as client:
        scores = client.score([["a", "b"]], [["c"]], context=context)

    assert scores == [[digits(gap=[0, 2, 1], hour=[11, 11, 11], weekday=[4, 4, 4])]]
