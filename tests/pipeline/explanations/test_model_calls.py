from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator.systems import unit_vectors
from pipeline.explanations.model_calls import attention, scores_of_parts
from schemas.errors import InputError
from schemas.features import HOUR, ITEM_IDS, TARGET_TIMESTAMP_S, TIMESTAMPS_S
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from tests.pipeline.additive import Additive
from tests.serving.successor import Read, Successor, write_model


def example(items: Sequence[str], **further: Sequence[str] | Sequence[float] | Sequence[int]) -> bytes:
    features = tf.train.Features()
    for name, values in {ITEM_IDS: items, **further}.items():
        for value in values:
            if isinstance(value, str):
                features.feature[name].bytes_list.value.append(value.encode())
            elif isinstance(value, int):
                features.feature[name].int64_list.value.append(value)
            else:
                features.feature[name].float_list.value.append(value)
    return bytes(tf.train.Example(features=features).SerializeToString())


class InputRevealing(Successor):
    """A model with attention in proportion to its inputs: the ids at each position, and the hour at the first one."""

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Read:
        read = super().encode(item_ids, codes)
        length = tf.reduce_sum(tf.cast(item_ids != 0, tf.int32), axis=1)
        hour = tf.gather(codes[HOUR], length, batch_dims=1)
        first = tf.one_hot(tf.zeros_like(length), tf.shape(item_ids)[1], dtype=tf.int64)
        weights = codes["event"][:, :-1] + codes["stars"][:, :-1] + first * hour[:, tf.newaxis]
        weights = tf.where(item_ids != 0, tf.cast(weights, tf.float32), 0.0)
        return read._replace(attention=weights / tf.reduce_sum(weights, axis=1, keepdims=True))


def test_unit_vectors_have_length_1_and_no_bias(tmp_path: Path) -> None:
    model = tf.saved_model.load(str(write_model(tmp_path / "model")))
    first, second = unit_vectors(model, np.array(["a", "b"], dtype=object))
    # Negative distances around the alphabet, except for the last one: 5 4 3 2 1 for a, and 0 5 4 3 2 for b.
    assert first == pytest.approx(np.array([-5, -4, -3, -2, -1]) / np.sqrt(55))
    assert second == pytest.approx(np.array([0, -5, -4, -3, -2]) / np.sqrt(54))


def test_attention_has_one_weight_for_each_position(tmp_path: Path) -> None:
    model = tf.saved_model.load(str(write_model(tmp_path / "model")))
    one, two = attention(model, [example("a"), example("ab")])
    assert one == pytest.approx([1])
    assert two == pytest.approx([1 / 3, 2 / 3])


def test_model_receives_all_its_inputs(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    columns = {
        "event": FeatureEncoding(vocabulary_file=str(tmp_path / "events")),
        "stars": FeatureEncoding(boundaries=np.array([2.0, 4.0], np.float32)),
    }
    revealing = InputRevealing()
    revealing.encodings = FeatureEncodings(np.array([10.0], np.float32), times=True, query_times=True, columns=columns)
    model = tf.saved_model.load(str(write_model(tmp_path / "model", revealing)))
    two, one = attention(
        model,
        [
            example(
                "ab", event=["buy", "view"], stars=[1.0, 4.0], **{TIMESTAMPS_S: [0, 9], TARGET_TIMESTAMP_S: [36_000]}
            ),
            example("a", event=[""], stars=[3.0], **{TIMESTAMPS_S: [0], TARGET_TIMESTAMP_S: [0]}),
        ],
    )
    # Events have the ids 2 and 1, stars 1 and 3. Ten o'clock is the eleventh hour.
    assert two == pytest.approx([(2 + 1 + 11) / 18, (1 + 3) / 18])
    assert one == pytest.approx([1])


KEPT = np.array([[True, True], [False, True], [True, False]])


def test_scores_of_parts_are_those_of_the_ranking_without_the_removed_items(tmp_path: Path) -> None:
    model = tf.saved_model.load(str(write_model(tmp_path / "model", Additive())))
    found = scores_of_parts(model, "ranking", example("ab"), KEPT, ["c", "d"])
    # a multiplies c with 4 and d with 2; b multiplies c with 8 and d with 4.
    assert np.exp(found) == pytest.approx(np.array([[4 * 8, 2 * 4], [8, 4], [4, 2]]))


def test_scores_of_parts_are_those_of_retrieval_if_it_is_served(tmp_path: Path) -> None:
    model = tf.saved_model.load(str(write_model(tmp_path / "model")))
    found = scores_of_parts(model, "retrieval", example("ab"), KEPT, ["c", "d"])
    assert found.tolist() == [[0, -1], [0, -1], [-1, -2]]  # distances from the last item: b, b, a


def test_scores_of_many_parts_are_in_their_order(tmp_path: Path) -> None:
    model = tf.saved_model.load(str(write_model(tmp_path / "model")))
    kept = np.array([[place % 3 != 1, place % 3 != 2] for place in range(100)])  # both, only b, only a
    found = scores_of_parts(model, "retrieval", example("ab"), kept, ["c"])[:, 0]
    assert found.tolist() == [[0, 0, -1][place % 3] for place in range(100)]


class Counting(Successor):
    """A model whose ranking score is the sum of the ids of the events that it reads."""

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Read:
        return super().encode(item_ids, codes)._replace(echo=codes["event"])

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        total = tf.cast(tf.reduce_sum(history.echo, axis=1, keepdims=True), tf.float32)
        return total + 0.0 * tf.cast(candidate_ids, tf.float32)


def test_removed_interaction_is_removed_with_its_columns(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("view\nbuy\n")
    counting = Counting()
    counting.encodings = FeatureEncodings(
        np.array([10.0], np.float32), columns={"event": FeatureEncoding(vocabulary_file=str(tmp_path / "events"))}
    )
    model = tf.saved_model.load(str(write_model(tmp_path / "model", counting)))
    found = scores_of_parts(model, "ranking", example("ab", event=["buy", "view"]), KEPT, ["c"])
    assert found[:, 0].tolist() == [2 + 1, 1, 2]  # a view has the id 1, a purchase 2


def test_model_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    earlier = SimpleNamespace(signatures={"score": SimpleNamespace(structured_outputs={"scores": None})})
    with pytest.raises(InputError, match="returns retrieval_scores\nreceived: a model that returns scores"):
        scores_of_parts(earlier, "retrieval", example("ab"), KEPT, ["c"])
