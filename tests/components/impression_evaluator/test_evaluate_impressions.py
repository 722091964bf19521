"""The evaluation by impression of a real saved model, with numbers that a reader can compute."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from components.impression_evaluator.evaluate_impressions import evaluate_impressions
from components.impressions.write_impressions import write_impressions
from schemas.config.impressions import ImpressionEvaluatorConfig
from tests.components.impression_logs import settings, shown, write_counts, write_examples, write_shown
from tests.serving.successor import ITEMS, Read, Successor, write_model

# After the history of u1, which ends with c, the model ranks d e f a b c, and after that of u2, which ends with e,
# f a b c d e. User u3 has no history, so the model answers with popularity: d a b, then e, c and f. In training, b and
# c are three targets each, and the others are first interactions only.
FIRST_ONLY = {
    "u4": [("d", 0), ("b", 1)],
    "u5": [("e", 0), ("c", 1)],
    "u6": [("f", 0), ("b", 1)],
    "u7": [("f", 0), ("c", 1)],
}
ROWS = [
    shown(1, "u1", 20, "e new d a", "d"),  # the clicked item is first for the model; all are equally popular
    shown(2, "u1", 21, "d f e", "f"),  # last for the model
    shown(3, "u2", 22, "d a", "a"),  # first
    shown(4, "u3", 23, "b a c", "c"),  # last; as popular as b
    shown(5, "u2", 24, "f a"),
    shown(6, "u3", 25, "a b", "a b"),
]
LOG_3, LOG_5 = 1 / math.log2(3), 1 / math.log2(5)  # the gains of the ranks 2 and 4; rank 3 has 0.5


class NextLetter(Successor):
    """A model whose ranking task orders items as its retrieval does."""

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        return -tf.cast((candidate_ids - self._last(history.item_ids)[:, tf.newaxis] - 1) % len(ITEMS), tf.float32)


class NanModel(Successor):
    """A model that cannot score."""

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(candidate_ids, tf.float32) * float("nan")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with examples, counts and a model."""
    made = tmp_path_factory.mktemp("inputs")
    write_counts(made, write_examples(made, more=FIRST_ONLY))
    write_model(made / "model", NextLetter(serves_reranked=True))
    return made


def evaluate(
    folder: Path, output: Path, clip: float | None = None, model: str = "model", **changed: Any
) -> dict[str, Any]:
    """Evaluate a model on `ROWS`, and return the content of the summary's file."""
    read = settings(write_shown(output / "shown.csv", ROWS), **changed)
    write_impressions(read, str(folder / "examples"), str(output / "impressions"))
    evaluation = ImpressionEvaluatorConfig(bootstrap_samples=200, clip=clip)
    evaluate_impressions(
        str(output / "impressions"), str(folder / model), str(folder / "counts"), evaluation, str(output)
    )
    return dict(json.loads((output / "summary.json").read_text()))


def means(summary: dict[str, Any], system: str) -> list[float]:
    return [value[0] for value in summary["systems"][system].values()]


def test_means_of_model_and_popularity_are_those_of_the_shown_items(folder: Path, tmp_path: Path) -> None:
    summary = evaluate(folder, tmp_path)

    assert list(summary["systems"]) == ["model", "popularity", "recent_popularity"]
    assert list(summary["systems"]["model"]) == ["auc", "mrr", "ndcg@5", "ndcg@10"]
    ndcg = (1 + 0.5 + 1 + 0.5 + 1) / 5
    assert means(summary, "model") == pytest.approx([2 / 4, (1 + 1 / 3 + 1 + 1 / 3 + 3 / 4) / 5, ndcg, ndcg])
    ndcg = (LOG_5 + 0.5 + LOG_3 + LOG_3 + 1) / 5
    auc, mrr = (0.5 + 0.5 + 0.5 + 0.75) / 4, (1 / 4 + 1 / 3 + 1 / 2 + 1 / 2 + 3 / 4) / 5
    assert means(summary, "popularity") == pytest.approx([auc, mrr, ndcg, ndcg])
    assert summary["above_popularity"]["auc"][0] == pytest.approx(2 / 4 - auc)
    low, high = summary["systems"]["model"]["auc"][1:]
    assert 0 <= low < 2 / 4 < high <= 1
    assert summary["position_bias"] is None


def test_summary_counts_impressions_without_a_value(folder: Path, tmp_path: Path) -> None:
    summary = evaluate(folder, tmp_path)

    assert {name: value for name, value in summary.items() if isinstance(value, int)} == {
        "impressions": 6,
        "users": 3,
        "shown": 16,
        "clicks": 6,
        "only_clicks": 1,
        "without_clicks": 1,
        "unknown_items": 1,
    }


def test_values_of_each_impression_are_kept(folder: Path, tmp_path: Path) -> None:
    evaluate(folder, tmp_path)

    table = pq.read_table(tmp_path / "impressions.parquet")
    assert table["impression_id"].to_pylist() == ["1", "2", "3", "4", "5", "6"]
    found = table["value:model:auc"].to_pylist()
    assert found[:4] == [1.0, 0.0, 1.0, 0.0]
    assert all(math.isnan(value) for value in found[4:])
    assert table["value:popularity:mrr"].to_pylist()[:2] == pytest.approx([1 / 4, 1 / 3])


def test_history_of_the_log_decides_the_scores(folder: Path, tmp_path: Path) -> None:
    rows = [shown(1, "u1", 20, "d e f", "f", "a e"), shown(2, "u1", 21, "d e f", "f", "f c")]
    path = write_shown(tmp_path / "shown.csv", rows)
    write_impressions(settings(path, history=True), str(folder / "examples"), str(tmp_path / "impressions"))
    evaluation = ImpressionEvaluatorConfig(bootstrap_samples=200, clip=None)

    evaluate_impressions(
        str(tmp_path / "impressions"), str(folder / "model"), str(folder / "counts"), evaluation, str(tmp_path)
    )

    values = pq.read_table(tmp_path / "impressions.parquet")["value:model:mrr"].to_pylist()
    assert values == pytest.approx([1.0, 1 / 3])  # f comes after e, and third after c


def test_clicks_weigh_by_the_inverse_of_their_propensity(folder: Path, tmp_path: Path) -> None:
    bias = {"propensities": [1.0, 0.5]}

    found = evaluate(folder, tmp_path, position_bias=bias)["position_bias"]

    # The clicks of impressions 1 and 4 are at the third position. Gains: 0.5 and 1 at the second position, then 1 at
    # the first and that of rank 2 at the second one of impression 6.
    assert (found["clip"], found["clicks"], found["clicks_without_propensity"]) == (None, 4, 2)
    model = {name: value[0] for name, value in found["systems"]["model"].items()}
    weighted = 2 * 0.5 + 2 * 1 + 1 + 2 * LOG_3
    assert model["naive"] == pytest.approx((0.5 + 1 + 1 + LOG_3) / 4)
    assert model["ips"] == pytest.approx(weighted / 6)  # impressions
    assert model["snips"] == pytest.approx(weighted / 7)  # the sum of the weights
    assert found["effective_sample_size"] == pytest.approx(7**2 / (4 + 4 + 1 + 4))
    low, high = found["systems"]["model"]["snips"][1:]
    assert low < model["snips"] < high


def test_clipped_weights_are_counted(folder: Path, tmp_path: Path) -> None:
    found = evaluate(folder, tmp_path, clip=1.5, position_bias={"propensities": [1.0, 0.5]})["position_bias"]

    assert (found["clip"], found["clipped_clicks"]) == (1.5, 3)
    assert found["clipped_weight"] == pytest.approx(1.5 / 7)
    assert found["systems"]["model"]["snips"][0] == pytest.approx((1.5 * (0.5 + 1 + LOG_3) + 1) / 5.5)


def test_scores_of_nan_rank_last_so_that_the_gate_can_refuse_the_model(folder: Path, tmp_path: Path) -> None:
    write_model(folder / "nan", NanModel())

    summary = evaluate(folder, tmp_path, model="nan")

    # In impressions 1 to 3 all known items are equal, and below the unknown one. For u3 popularity answers.
    assert summary["systems"]["model"]["auc"][0] == pytest.approx((1 / 3 + 0.5 + 0.5 + 0) / 4)


def test_items_that_only_the_test_span_knows_rank_as_unknown_ones(folder: Path, tmp_path: Path) -> None:
    examples = write_examples(tmp_path)  # d and f have interactions in the test span only, e in validation
    read = settings(write_shown(tmp_path / "shown.csv", [shown(1, "u1", 20, "new d a", "d")]))
    write_impressions(read, examples, str(tmp_path / "impressions"))
    evaluation = ImpressionEvaluatorConfig(bootstrap_samples=200, clip=None)

    found = evaluate_impressions(
        str(tmp_path / "impressions"),
        str(folder / "model"),
        write_counts(tmp_path, examples),
        evaluation,
        str(tmp_path),
    )

    # The model ranks d first. Its score would tell that d is in the log, and "new" is not: they are equal, below a.
    assert found["systems"]["model"]["auc"][0] == (0.5 + 0.0) / 2
