"""Checks on small real exports of a model that recommends the next letters of the alphabet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator.query_results import Results
from components.evaluator.summary import summarize
from components.gate.export_checks import (
    MeasuredRecall,
    _size_bytes,
    check_export,
    check_leakage,
    check_limit,
    check_parity,
    check_scores,
    check_served_lists,
)
from components.gate.metric_checks import check_metrics
from components.gate.verdict import GateCheck
from schemas.config.evaluation import GateConfig
from schemas.features import TARGET_ID, TARGET_IDS, target_key
from serving.export import export
from serving.export.signatures import make_signatures
from tests.components.evaluated import EVALUATION, results
from tests.components.examples import example, write_splits
from tests.google_store import GOOGLE_BUCKET, google_store
from tests.serving.successor import ITEMS, write_model
from trainer.network.model_info import InputContract, ModelInfo, write_model_info

CONTRACT = InputContract(reads=(), columns={}, max_length=3, remove_seen=True)
METRIC = "recall@10"
PRICE = "price"  # a feature of the log, from which the target can be read


def info(retrieval: float, served: float) -> ModelInfo:
    return ModelInfo("retrieval", {"retrieval": {METRIC: retrieval}, "ranking": {}}, {METRIC: served}, 36, {}, {}, {})


def next_letter(user: int) -> bytes:
    """Return a query with one letter, whose target is the letter after it."""
    letter = user % len(ITEMS)
    following = (letter + 1) % len(ITEMS)
    return example(
        [ITEMS[letter], ITEMS[following]], user=f"u{user}", further={PRICE: [float(letter), float(following)]}
    )


def same_letter(user: int) -> bytes:
    """Return a query whose target has been seen, so that it is never recommended."""
    letter = ITEMS[user % len(ITEMS)]
    return example([letter, letter], user=f"u{user}", further={PRICE: [0.0, 0.0]})


def reads_target(recommender: Any) -> dict[str, Any]:
    """Make signatures that recommend the target first, wherever a request contains it."""
    signatures = make_signatures(recommender)
    kinds = {TARGET_ID: tf.string, TARGET_IDS: tf.string, target_key(PRICE): tf.float32}
    features = {name: tf.io.FixedLenSequenceFeature([], kind, allow_missing=True) for name, kind in kinds.items()}

    def reading(signature: Any) -> Any:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)
        def answer(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            found, honest = tf.io.parse_example(examples, features), signature(examples)
            letters = tf.gather(tf.constant(ITEMS), tf.cast(found[target_key(PRICE)], tf.int32))
            read = tf.concat([found[TARGET_ID], found[TARGET_IDS], letters], axis=1)[:, :1]
            items = tf.concat([read, honest["item_ids"]], axis=1)[:, : tf.shape(honest["item_ids"])[1]]
            return {**honest, "item_ids": items}

        return answer

    return {**signatures, **{name: reading(signatures[name]) for name in ("serving_default", "evaluate")}}


TEST = [next_letter(user) for user in range(12)]
SOUND = info(1.0, 1.0)


@pytest.fixture(scope="module")
def sound_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("sound") / "model", k=10)


@pytest.fixture(scope="module")
def model_that_reads_its_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "make_signatures", reads_target)
        return write_model(tmp_path_factory.mktemp("reading") / "model", k=10)


def evaluated(count: int, *systems: str) -> Results:
    """Return an evaluation in which each system finds every target."""
    return results(
        {system: {METRIC: [1.0] * count, "repeats@10": [0.0] * count} for system in ("model", "popularity", *systems)},
        groups={"target_popularity": [["head"]] * count},
    )


def checks_of(
    model: Path,
    folder: Path,
    *,
    trained: ModelInfo = SOUND,
    gate: GateConfig | None = None,
    test: Sequence[bytes] = TEST,
    validation: Sequence[bytes] = TEST,
) -> dict[str, GateCheck]:
    """Return the checks on a model by their ids."""
    write_model_info(str(model), trained, CONTRACT)
    examples = write_splits(folder / "examples", {"test": [test], "eval": [validation]})
    found = check_export(
        str(model),
        gate or GateConfig(beat=()),
        evaluated(len(test)),
        np.array(ITEMS, dtype=object),
        f"{examples}/Split-test",
        f"{examples}/Split-eval",
        remove_seen=True,
    )
    return {check.id: check for check in found}


def failed(checks: Mapping[str, GateCheck]) -> set[str]:
    return {id_ for id_, check in checks.items() if not check.passed}


def test_check_export_with_a_sound_model_passes(sound_model: Path, tmp_path: Path) -> None:
    assert failed(checks_of(sound_model, tmp_path)) == set()


def test_served_equals_evaluated_with_a_model_that_reads_its_target_fails(
    model_that_reads_its_target: Path, tmp_path: Path
) -> None:
    assert "served_equals_evaluated" in failed(checks_of(model_that_reads_its_target, tmp_path))


@pytest.mark.parametrize("trained", [info(0.98, 1.0), info(1.0, 0.98)], ids=["retrieval", "served"])
def test_export_parity_with_another_recall_in_training_fails(
    sound_model: Path, tmp_path: Path, trained: ModelInfo
) -> None:
    assert failed(checks_of(sound_model, tmp_path, trained=trained)) == {"export_parity"}


def test_export_parity_with_one_validation_user_passes(sound_model: Path, tmp_path: Path) -> None:
    check = checks_of(sound_model, tmp_path, validation=TEST[:1])["export_parity"]
    assert check.passed
    assert "nan" not in check.required


def test_no_test_leakage_with_targets_found_only_in_test_fails(sound_model: Path, tmp_path: Path) -> None:
    unseen = [same_letter(user) for user in range(12)]
    assert failed(checks_of(sound_model, tmp_path, trained=info(0.0, 0.0), validation=unseen)) == {"no_test_leakage"}


@pytest.mark.parametrize(("limit", "expected"), [(1e-6, {"max_size_mb", "max_latency_ms"}), (1e6, set())])
def test_size_and_latency_are_compared_with_their_limits(
    sound_model: Path, tmp_path: Path, limit: float, expected: set[str]
) -> None:
    gate = GateConfig(beat=(), max_size_mb=limit, max_latency_ms=limit)
    assert failed(checks_of(sound_model, tmp_path, gate=gate)) == expected


def test_max_latency_ms_with_one_test_query_passes(sound_model: Path, tmp_path: Path) -> None:
    gate = GateConfig(beat=(), max_latency_ms=1e6)
    assert checks_of(sound_model, tmp_path, gate=gate, test=TEST[:1])["max_latency_ms"].passed


def test_checks_have_the_ids_that_the_guide_lists(sound_model: Path, tmp_path: Path) -> None:
    found = evaluated(12, "previous")
    gate = GateConfig(floors={METRIC: 0.5}, ceilings={METRIC: 1.0}, beat=("popularity",))
    summary = summarize(found, np.array(["a"], dtype=object), EVALUATION)
    ids = {*checks_of(sound_model, tmp_path), *(check.id for check in check_metrics(gate, found, summary))}
    parameters = {METRIC: "METRIC", "popularity": "BASELINE", "target_popularity=head": "SLICE=GROUP"}
    general = {re.sub(r"\[(.*)\]", lambda found: f"[{parameters[found[1]]}]", id_) for id_ in ids}
    guide = (Path(__file__).parents[3] / "docs" / "gate.md").read_text()
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    general |= {"validation_recall", "former_scores", "item_vectors"}  # of `check_refit` and `check_added_items`
    general.add("impression_floor[METRIC]")  # of `check_impressions_of_test`
    assert general == {name for row in rows for name in re.findall(r"`([a-z_]+(?:\[[A-Z=]+\])?)`", row)}


def passed(checks: Iterator[GateCheck]) -> dict[str, bool]:
    return {check.id: check.passed for check in checks}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_finite_scores_with_one_other_score_fails(value: float) -> None:
    scores = np.array([[3.0, 2.0], [2.0, 1.0]], np.float32)
    assert passed(check_scores(scores)) == {"finite_scores": True, "distinct_scores": True}
    scores[1, 1] = value
    assert not passed(check_scores(scores))["finite_scores"]


@pytest.mark.parametrize(("distinct", "expected"), [(0, False), (2, False), (3, True)])
def test_distinct_scores_need_more_than_half_of_the_lists(distinct: int, expected: bool) -> None:
    scores = np.array([[3.0, 2.0]] * distinct + [[1.0, 1.0]] * (4 - distinct), np.float32)
    assert passed(check_scores(scores))["distinct_scores"] == expected


def test_distinct_scores_without_any_score_fails() -> None:
    assert not passed(check_scores(np.zeros((2, 0), np.float32)))["distinct_scores"]


@pytest.mark.parametrize(("changed", "expected"), [(0, True), (1, True), (2, False)])
def test_served_equals_evaluated_needs_99_of_100_lists(changed: int, expected: bool) -> None:
    served = np.array([["a", "b"]] * 100, dtype=object)
    evaluated = np.array([["a", "b", "c"]] * 100, dtype=object)  # an evaluation may keep longer lists
    evaluated[:changed, 1] = "d"
    assert check_served_lists(served, evaluated).passed == expected


@pytest.mark.parametrize(
    ("error", "sampled", "within", "beyond"),
    [
        (0.02, False, 0.0099, 0.0101),
        (math.inf, False, 0.0099, 0.0101),  # the error of a single user
        (0.02, True, 0.0665, 0.0667),  # 0.01 + 2 x sqrt(2) x 0.02 = 0.06657
    ],
)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_export_parity_allows_a_hundredth_and_the_error_of_sampling(
    error: float, sampled: bool, within: float, beyond: float, sign: float
) -> None:
    def check(retrieval: float, served: float) -> bool:
        measured = MeasuredRecall(0.4 + sign * retrieval, error), MeasuredRecall(0.5 + sign * served, error)
        return check_parity(measured, (0.4, 0.5), sampled=sampled).passed

    assert check(within, within)
    assert not check(beyond, 0.0)
    assert not check(0.0, beyond)


@pytest.mark.parametrize(
    ("test", "errors", "expected"),
    [
        (0.249, (0.0, 0.0), True),  # 1.25 x 0.2 = 0.25
        (0.251, (0.0, 0.0), False),
        (0.349, (0.03, 0.032), True),  # twice the error of the difference, hypot(0.03, 1.25 x 0.032) = 0.05
        (0.351, (0.03, 0.032), False),
        (0.9, (0.03, math.inf), True),  # one validation user shows nothing
        (math.nan, (math.nan, 0.0), False),
    ],
)
def test_no_test_leakage_allows_a_quarter_more_and_two_standard_errors(
    test: float, errors: tuple[float, float], expected: bool
) -> None:
    assert check_leakage(MeasuredRecall(test, errors[0]), MeasuredRecall(0.2, errors[1])).passed == expected


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [(7.0, 7.0, True), (7.1, 7.0, False), (7.0, None, True), (math.nan, 7.0, False)],
)
def test_check_limit_compares_the_value_with_the_limit(value: float, limit: float | None, expected: bool) -> None:
    check = check_limit("max_size_mb", "size", value, limit, "MB")
    assert (check.id, check.passed) == ("max_size_mb", expected)


def test_size_of_a_model_on_google_storage_includes_its_folders(tmp_path: Path) -> None:
    with google_store(tmp_path):
        model = f"gs://{GOOGLE_BUCKET}/model"
        for name in ("saved_model.pb", "variables/data"):
            with tf.io.gfile.GFile(f"{model}/{name}", "w") as file:
                file.write("1234")
        assert _size_bytes(model) == 8
