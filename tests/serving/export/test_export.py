"""Answers of the signatures of a saved model. `Successor` defines the right ones."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, TARGET_IDS, TIMESTAMPS_S
from tests.serving.successor import ITEMS, LOWEST, Successor, write_model

Rows = Sequence[Sequence[str]]
Times = Sequence[Sequence[int]]
Example = dict[str, list[str] | list[int]]


class Signatures:
    """A saved model that is called with lists. Missing inputs have the defaults of the signature."""

    def __init__(self, path: Path) -> None:
        self._loaded = tf.saved_model.load(str(path))

    def recommend(
        self, item_ids: Rows, timestamps_s: Times = ((0,),), exclude: Rows = ((),), k: int = 4
    ) -> dict[str, Any]:
        return self._call(
            "recommend",
            item_ids=strings(item_ids),
            timestamps_s=tf.constant(timestamps_s, tf.int64),
            exclude=strings(exclude),
            k=tf.constant(k),
        )

    def score(self, item_ids: Rows, candidate_ids: Rows, timestamps_s: Times = ((0,),)) -> list[list[float]]:
        scores: list[list[float]] = self._call(
            "score",
            item_ids=strings(item_ids),
            candidate_ids=strings(candidate_ids),
            timestamps_s=tf.constant(timestamps_s, tf.int64),
        )["scores"]
        return scores

    def explain(self, item_ids: Rows, timestamps_s: Times = ((0,),)) -> dict[str, Any]:
        return self._call("explain", item_ids=strings(item_ids), timestamps_s=tf.constant(timestamps_s, tf.int64))

    def embed(self, item_ids: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._call("embed", item_ids=tf.constant(item_ids, tf.string))["embeddings"]
        return vectors

    def answer(self, *examples: Example) -> dict[str, Any]:
        return self._call("serving_default", examples=tf.constant([serialized(e) for e in examples], tf.string))

    def evaluate(self, *examples: Example) -> dict[str, Any]:
        inputs = tf.constant([serialized(e) for e in examples], tf.string)
        found = {name: value.numpy() for name, value in self._loaded.signatures["evaluate"](examples=inputs).items()}
        auc = found.pop("auc").tolist()
        lists = {name: [[item.decode() for item in row] for row in items] for name, items in found.items()}
        return {**lists, "auc": auc}

    def _call(self, name: str, **inputs: tf.Tensor) -> dict[str, Any]:
        outputs = {key: value.numpy() for key, value in self._loaded.signatures[name](**inputs).items()}
        types = {key: value.dtype for key, value in outputs.items() if key != "item_ids"}
        assert types == {key: bool if key == "fallback" else np.float32 for key in types}
        return {
            key: [[item.decode() for item in row] for row in value] if key == "item_ids" else value.tolist()
            for key, value in outputs.items()
        }


def strings(rows: Rows) -> tf.Tensor:
    return tf.constant([list(row) for row in rows], tf.string, [len(rows), len(rows[0])])


def serialized(features: Example) -> bytes:
    example = tf.train.Example()
    for name, values in features.items():
        for value in values:
            feature = example.features.feature[name]
            if isinstance(value, int):
                feature.int64_list.value.append(value)
            else:
                feature.bytes_list.value.append(value.encode())
    return bytes(example.SerializeToString())


@pytest.fixture(scope="module")
def signatures(model: Path) -> Signatures:
    return Signatures(model)


def test_recommend_returns_the_highest_scores_without_seen_items(signatures: Signatures) -> None:
    # After "b" come c d e f a b with 0 -1 -2 -3 -4 -5; "d" and "b" are seen.
    assert signatures.recommend([["d", "b"]]) == {
        "item_ids": [["c", "e", "f", "a"]],
        "scores": [[0.0, -2.0, -3.0, -4.0]],
        "fallback": [False],
    }


@pytest.mark.parametrize(
    "history",
    [
        ["a", "nope", "", "b"],
        ["", "", "a", "b"],
        ["a", "b", "", ""],
        ["nope", "a", "b", "nope"],
    ],
)
def test_signatures_ignore_padding_and_unknown_items(signatures: Signatures, history: list[str]) -> None:
    assert signatures.recommend([history]) == signatures.recommend([["a", "b"]])
    assert signatures.score([history], [["c"]]) == [[100 * 2 + 10 * 2 + 3]]


def test_recommend_long_history_reads_the_last_items_and_excludes_all(signatures: Signatures) -> None:
    history = ["e", "nope", "a", "b", "nope", "c", "nope"]

    assert signatures.score([history], [["f"]]) == [[100 * 3 + 10 * 3 + 6]]
    assert signatures.recommend([history])["item_ids"] == [["d", "f", "", ""]]


def test_recommend_sorts_a_history_by_time_and_keeps_the_order_of_equal_times(signatures: Signatures) -> None:
    by_time = signatures.recommend(
        [["c", "a", "e"], ["a", "c", "e"], ["a", "c", ""]], [[5, 9, 7], [7, 7, 7], [9, 1, 5]]
    )

    assert by_time == signatures.recommend([["c", "e", "a"], ["a", "c", "e"], ["c", "a", ""]])
    assert [row[0] for row in by_time["item_ids"]] == ["b", "f", "b"]


def test_recommend_accepts_all_times_of_int64(signatures: Signatures) -> None:
    first, last = -(2**63), 2**63 - 1

    assert signatures.recommend([["a", "b", "c"]], [[last, first, 0]]) == signatures.recommend([["b", "c", "a"]])


def test_recommend_leaves_out_excluded_items(signatures: Signatures) -> None:
    excluded = signatures.recommend([["a"], ["c"]], exclude=[["b", "nope"], ["", "e"]])

    assert excluded["item_ids"] == [["c", "d", "e", "f"], ["d", "f", "a", "b"]]


def test_recommend_one_row_of_exclusions_is_for_every_history(signatures: Signatures) -> None:
    assert signatures.recommend([["a"], ["c"]], exclude=[["b", "d"]])["item_ids"] == [
        ["c", "e", "f", ""],
        ["e", "f", "a", ""],
    ]


def test_recommend_pads_if_fewer_items_are_left(signatures: Signatures) -> None:
    answer = signatures.recommend([["a", "b", "c", "d"]])

    assert answer["item_ids"] == [["e", "f", "", ""]]
    assert answer["scores"] == [[0.0, -1.0, LOWEST, LOWEST]]


@pytest.mark.parametrize("history", [[""], ["nope", ""], []])
def test_recommend_history_without_a_known_item_gets_popular_items(signatures: Signatures, history: list[str]) -> None:
    # By popularity: d a b e c f, of which b and e are equal.
    assert signatures.recommend([history], exclude=[["a"]]) == {
        "item_ids": [["d", "b", "e", "c"]],
        "scores": [[0.5, 0.125, 0.125, 0.0625]],
        "fallback": [True],
    }


@pytest.mark.parametrize(("k", "columns"), [(1, 1), (6, 6), (7, 6), (2**31 - 1, 6), (0, 0)])
def test_recommend_returns_k_items_or_the_catalogue(signatures: Signatures, k: int, columns: int) -> None:
    answer = signatures.recommend([["f"], [""]], k=k)

    assert answer["item_ids"] == [["a", "b", "c", "d", "e", ""][:columns], ["d", "a", "b", "e", "c", "f"][:columns]]


def test_signatures_without_k_return_the_configured_number(tmp_path: Path) -> None:
    signatures = Signatures(write_model(tmp_path / "model", k=2))

    assert signatures.answer({ITEM_IDS: ["a"]})["item_ids"] == [["b", "c"]]
    assert signatures.explain([["a"]])["item_ids"] == [["b", "c"]]


def test_recommend_without_remove_seen_returns_seen_items(tmp_path: Path) -> None:
    signatures = Signatures(write_model(tmp_path / "model", remove_seen=False))

    assert signatures.recommend([["c", "a"]], exclude=[["b"]])["item_ids"] == [["c", "d", "e", "f"]]
    assert signatures.answer({ITEM_IDS: ["c", "a"], EXCLUDE_IDS: ["b"]})["item_ids"] == [["b", "c", "d", "e"]]


def test_recommend_serves_reranked_items_of_retrieval_and_extra_candidates(tmp_path: Path) -> None:
    """After b retrieval finds c and d, and f is an extra candidate. The last in the alphabet comes first."""
    signatures = Signatures(write_model(tmp_path / "model", Successor(serves_reranked=True), k=2))
    answer = signatures.recommend([["", "b"], ["a", "b"], ["f", "b"]], k=2)
    assert answer["item_ids"] == [["f", "d"], ["f", "d"], ["d", "c"]]
    assert answer["scores"] == [[126, 124], [226, 224], [224, 223]]
    assert signatures.recommend([["b"]], k=5)["item_ids"] == [["f", "e", "d", "c", "a"]]
    assert signatures.recommend([["b"]], k=9)["item_ids"] == [["f", "e", "d", "c", "a", ""]]
    assert signatures.recommend([[""]], k=2)["item_ids"] == [["d", "a"]]  # popular items, as without re-ranking


@pytest.mark.parametrize("serves_reranked", [False, True])
def test_evaluate_returns_the_lists_of_both_stages(tmp_path: Path, serves_reranked: bool) -> None:
    """Retrieval lists the whole catalogue. Ranking lists the candidates that it re-ranks for two answers."""
    signatures = Signatures(write_model(tmp_path / "model", Successor(serves_reranked=serves_reranked), k=2))
    examples: list[Example] = [{ITEM_IDS: ["b"]}, {ITEM_IDS: ["b"], EXCLUDE_IDS: ["c"]}, {ITEM_IDS: ["nope"]}]
    found = signatures.evaluate(*examples)
    popular = ["d", "a", "b", "e", "c", "f"]
    assert found["retrieval_item_ids"] == [["c", "d", "e", "f", "a", ""], ["d", "e", "f", "a", "", ""], popular]
    assert found["ranking_item_ids"] == [["f", "d", "c", "", "", ""], ["f", "e", "d", "", "", ""], popular]
    assert found["item_ids"] == found["ranking_item_ids" if serves_reranked else "retrieval_item_ids"]
    assert [row[:2] for row in found["item_ids"]] == signatures.answer(*examples)["item_ids"]


def test_evaluate_auc_is_the_fraction_of_candidates_below_the_target(tmp_path: Path) -> None:
    """After b the ranking task scores c, d and f by the alphabet; a would be below all of them."""
    signatures = Signatures(write_model(tmp_path / "model", k=2))
    targets: list[list[str]] = [["c"], ["d"], ["f"], ["a"], ["c", "f"], ["nope"], []]
    examples: list[Example] = [{ITEM_IDS: ["b"], TARGET_IDS: [*some]} for some in targets]
    auc = signatures.evaluate(*examples)["auc"]
    assert auc == pytest.approx([0, 1 / 2, 1, 0, (0 + 1) / 2, np.nan, np.nan], nan_ok=True)
    assert np.isnan(signatures.evaluate({ITEM_IDS: ["nope"], TARGET_IDS: ["c"]})["auc"]).all()


def test_evaluate_lists_do_not_depend_on_targets(tmp_path: Path) -> None:
    signatures = Signatures(write_model(tmp_path / "model", k=2))
    with_targets = signatures.evaluate({ITEM_IDS: ["b"], TARGET_IDS: ["e"], TARGET_ID: ["e"]})
    assert with_targets["item_ids"] == signatures.evaluate({ITEM_IDS: ["b"]})["item_ids"]


def test_serving_default_of_examples_equals_recommend_of_their_histories(signatures: Signatures) -> None:
    answer = signatures.answer(
        {ITEM_IDS: ["d", "b"], TIMESTAMPS_S: [2, 1], TARGET_ID: ["c"]},
        {ITEM_IDS: ["d", "b"], EXCLUDE_IDS: ["c", "nope"]},
        {ITEM_IDS: ["nope"], EXCLUDE_IDS: ["d"]},
        {},
    )

    assert answer == signatures.recommend(
        [["d", "b"], ["d", "b"], ["nope", ""], ["", ""]], exclude=[["", ""], ["c", ""], ["d", ""], ["", ""]]
    )
    assert answer["fallback"] == [False, False, True, True]


def test_score_unknown_candidate_is_lowest_and_empty_history_uses_popularity(signatures: Signatures) -> None:
    scores = signatures.score([["a", "c"], ["", "nope"]], [["f", "nope", "c", ""], ["d", "nope", "f", ""]])

    assert scores == [[100 * 2 + 10 * 3 + 6, LOWEST, 100 * 2 + 10 * 3 + 3, LOWEST], [0.5, LOWEST, 0.0, LOWEST]]


def test_score_one_row_of_candidates_is_for_every_history(signatures: Signatures) -> None:
    both, candidates = [["a", "c"], ["", "b"]], ["f", "nope", "a"]

    assert signatures.score(both, [candidates]) == signatures.score(both, [candidates] * 2)
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures.score(both, [candidates] * 3)


def test_embed_returns_the_vectors_of_retrieval(signatures: Signatures) -> None:
    # Retrieval's query is a unit vector for each last item, so a vector holds the item's scores after a, b, c, d, e, f.
    assert signatures.embed(["c", "nope", "a", ""]) == [
        [-1.0, 0.0, -5.0, -4.0, -3.0, -2.0],
        [0.0] * 6,
        [-5.0, -4.0, -3.0, -2.0, -1.0, 0.0],
        [0.0] * 6,
    ]
    assert signatures.embed([]) == []


def test_explain_attention_has_the_positions_of_the_items(signatures: Signatures) -> None:
    # Three are read at most, with 1/6 2/6 3/6; of two with 1/3 2/3.
    histories = [["f", "a", "", "nope", "b", "c"], ["", "a", "b", "nope", "", ""], ["nope", "", "", "", "", ""]]

    explained = signatures.explain(histories)
    attention = np.array(explained.pop("attention"))

    expected = [[0.0, 1 / 6, 0.0, 0.0, 2 / 6, 3 / 6], [0.0, 1 / 3, 2 / 3, 0.0, 0.0, 0.0], [0.0] * 6]
    np.testing.assert_allclose(attention, expected, atol=1e-6)
    assert explained == signatures.recommend(histories)


def test_score_and_explain_sort_by_time_as_recommend_does(signatures: Signatures) -> None:
    given, times, ordered = [["d", "nope", "b", "a"]], [[30, 5, 10, 20]], [["nope", "b", "a", "d"]]

    explained = signatures.explain(given, times)
    attention = explained.pop("attention")

    assert explained == signatures.recommend(given, times) == signatures.recommend(ordered)
    np.testing.assert_allclose(attention, [[3 / 6, 0.0, 1 / 6, 2 / 6]], atol=1e-6)
    assert signatures.score(given, [ITEMS], times) == signatures.score(ordered, [ITEMS])
    assert signatures.score(given, [ITEMS], times) != signatures.score(given, [ITEMS])


histories = st.lists(st.sampled_from([*ITEMS, "nope", ""]), max_size=8)


@settings(max_examples=50)
@given(st.lists(histories, min_size=1, max_size=5))
def test_recommend_batch_equals_single_histories(signatures: Signatures, batch: list[list[str]]) -> None:
    length = max(map(len, batch))
    together = signatures.recommend([row + [""] * (length - len(row)) for row in batch])

    for place, history in enumerate(batch):
        alone = signatures.recommend([history])
        assert {name: values[place : place + 1] for name, values in together.items()} == alone


def test_explain_empty_batch_is_an_empty_answer(signatures: Signatures) -> None:
    loaded = signatures._loaded.signatures["explain"](
        item_ids=tf.zeros([0, 2], tf.string), timestamps_s=tf.zeros([1, 1], tf.int64)
    )

    assert {name: value.shape.as_list() for name, value in loaded.items()} == {
        "item_ids": [0, 4],
        "scores": [0, 4],
        "fallback": [0],
        "attention": [0, 2],
    }


LOAD_AND_ASK = """
import json, sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
answer = loaded.signatures["explain"](item_ids=tf.constant([["d", "b"]]), timestamps_s=tf.zeros([1, 1], tf.int64))
print(json.dumps([answer["item_ids"].numpy().astype(str).tolist(), "tf_keras" in sys.modules]))
"""


def test_saved_model_loads_with_tensorflow_alone_and_after_a_move(tmp_path: Path) -> None:
    write_model(tmp_path / "model").rename(tmp_path / "elsewhere")

    ran = subprocess.run(
        [sys.executable, "-c", LOAD_AND_ASK, str(tmp_path / "elsewhere")],
        env={name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert json.loads(ran.stdout) == [[["c", "e", "f", "a"]], False]


class KerasSuccessor(tf.keras.Model):
    """A Keras model with a layer and an optimizer, and the same answers."""

    encodings, lifetimes, max_length, rerank_depth, serves_reranked = (
        Successor.encodings,
        Successor.lifetimes,
        Successor.max_length,
        Successor.rerank_depth,
        False,
    )

    def __init__(self) -> None:
        super().__init__()
        self._inner = Successor()
        self._layer = tf.keras.layers.Dense(len(ITEMS), use_bias=False, kernel_initializer="identity")
        self.compile(optimizer="adam")
        self.candidates, self.extra_candidates, self.rank = (
            self._inner.candidates,
            self._inner.extra_candidates,
            self._inner.rank,
        )

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Any:
        history = self._inner.encode(item_ids, codes)
        return history._replace(query=self._layer(history.query))


def test_export_of_a_keras_model_contains_nothing_of_keras(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model", KerasSuccessor())
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    nodes = saved.meta_graphs[0].object_graph_def.nodes

    assert [node.user_object.identifier for node in nodes if "keras" in node.user_object.identifier] == []
    assert not (path / "keras_metadata.pb").exists()
    assert Signatures(path).recommend([["d", "b"]])["item_ids"] == [["c", "e", "f", "a"]]


def test_saved_model_has_defaults_and_the_vocabulary(model: Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    recommend = saved.meta_graphs[0].signature_def["recommend"]

    assert set(recommend.inputs) == {"item_ids", "timestamps_s", "exclude", "k"}
    assert set(recommend.defaults) == {"timestamps_s", "exclude", "k"}
    assert tf.make_ndarray(recommend.defaults["k"]) == 4
    (asset,) = (model / "assets").iterdir()
    assert asset.read_text().split() == ITEMS
