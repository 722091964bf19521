"""The gate's checks on the exported model: is it the model that was trained and evaluated, and are its answers sane?

`check_export` and `check_refit` call the model. Each other check is a pure decision on what the model answered.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Results
from components.evaluator.statistics import mean_and_error
from components.evaluator.systems import call_signature, load_model
from components.gate.list_checks import check_full, check_items, check_lists, check_personalization, check_seen
from components.gate.verdict import GateCheck
from schemas.config.evaluation import GateConfig, K
from schemas.features import TARGET_ID, TARGET_IDS, target_key
from trainer.metrics import recall_and_ndcg, target_ranks
from trainer.metrics.lists import Ids
from trainer.network.model_info import read_model_info

_METRIC = f"recall@{K}"
_TEST_QUERIES = 256  # that are sent to the model again
_TIMED_REQUESTS = 50
# As many validation queries as the trainer uses. A larger split is sampled, and Transform does not keep its order.
_VALIDATION_QUERIES = 20_480
_EXPORT_TOLERANCE = 0.01  # of recall@10: rounding, and another order of equal scores
_MAX_TEST_TO_VALIDATION_RATIO = 1.25
_Z = 2.0  # standard errors within which a difference may be chance
_MIN_EQUAL_LISTS = 0.99
_MIN_REFIT_RATIO = 0.9  # of the judged model's validation recall; a lower one is a gross fault


class Answers(NamedTuple):
    """The answers to requests without targets."""

    item_ids: Ids  # [requests, k], "" behind the end of a list
    scores: npt.NDArray[np.float32]  # [requests, k]

    @property
    def lists(self) -> list[list[str]]:
        """The items of each list."""
        return [[item for item in row if item] for row in self.item_ids]


class MeasuredRecall(NamedTuple):
    """A recall@10 with its standard error over users."""

    mean: float
    error: float


def check_export(
    path: str, gate: GateConfig, results: Results, catalogue: Ids, test: str, validation: str, *, remove_seen: bool
) -> list[GateCheck]:
    """Check an exported model: its answers, its agreement with training and evaluation, its size and its latency.

    Args:
        path: the folder of the saved model.
        gate: the limits on size and latency.
        results: the evaluation of the model.
        catalogue: the ids of all items of the log.
        test: the folder of the test examples.
        validation: the folder of the validation examples.
        remove_seen: whether seen items must not be recommended.

    Returns:
        The checks of this module and of `components.gate.list_checks`.

    Raises:
        InputError: the folder has no saved model of temporec.
    """
    model, info = load_model(path), read_model_info(path)
    records = list(islice(read_examples(test), _TEST_QUERIES))
    answers = answers_of(model, records)
    seen = read_queries(records).seen if remove_seen else [set()] * len(records)
    validation_records = list(islice(read_examples(validation), _VALIDATION_QUERIES))
    retrieved, served = _validation_recall(model, validation_records)
    return [
        *check_scores(answers.scores),
        check_personalization(answers.lists, seen),
        *check_lists(results, catalogue, remove_seen=remove_seen),
        check_served_lists(answers.item_ids, call_signature(model, records)["item_ids"]),
        check_parity(
            (retrieved, served),
            (info["validation"]["retrieval"][_METRIC], info["exported"][_METRIC]),
            sampled=len(validation_records) == _VALIDATION_QUERIES,
        ),
        check_leakage(_recall(results.values(MODEL, _METRIC), results.users), served),
        *_check_size_and_latency(model, path, gate, records),
    ]


def check_refit(
    path: str, judged: str, gate: GateConfig, catalogue: Ids, test: str, validation: str, *, remove_seen: bool
) -> list[GateCheck]:
    """Check a refitted model for gross faults: its answers, its recall next to the judged model's, size and latency.

    It has seen the targets of validation and test, so nothing here measures its quality.

    Args:
        path: the folder of the refitted model.
        judged: the folder of the model that the gate has judged.
        gate: the limits on size and latency.
        catalogue: the ids of all items of the log.
        test: the folder of the test examples.
        validation: the folder of the validation examples.
        remove_seen: whether seen items must not be recommended.

    Returns:
        The checks. Their ids end with `[refit]`.
    """
    model, former = load_model(path), load_model(judged)
    records = list(islice(read_examples(test), _TEST_QUERIES))
    answers, queries = answers_of(model, records), read_queries(records)
    validation_records = list(islice(read_examples(validation), _VALIDATION_QUERIES))
    (_, refitted), (_, served) = (_validation_recall(each, validation_records) for each in (model, former))
    with_seen = sum(not seen.isdisjoint(items) for seen, items in zip(queries.seen, answers.lists, strict=True))
    checks = [
        *check_scores(answers.scores),
        check_personalization(answers.lists, queries.seen if remove_seen else [set()] * len(records)),
        check_full(answers.lists, answers_of(former, records).lists, of="the judged model"),
        *check_items(answers.lists, catalogue),
        *([check_seen(with_seen)] if remove_seen else []),
        check_served_lists(answers.item_ids, call_signature(model, records)["item_ids"]),
        check_refit_recall(refitted.mean, served.mean),
        *_check_size_and_latency(model, path, gate, records),
    ]
    return [replace(each, id=f"{each.id}[refit]", title=f"{each.title}, after the refit") for each in checks]


def check_refit_recall(refitted: float, judged: float) -> GateCheck:
    """Check that a refit did not spoil the model: it has seen the validation targets, so recall should rise.

    Args:
        refitted: the refitted model's recall on the validation split.
        judged: that of the judged model.

    Returns:
        `validation_recall`.
    """
    return GateCheck(
        "validation_recall",
        "validation recall is no lower",
        f"validation {_METRIC} is {refitted:.4f}",
        f"at least {_MIN_REFIT_RATIO:g} x {judged:.4f}, that of the judged model",
        bool(refitted >= _MIN_REFIT_RATIO * judged),
    )


def check_scores(scores: npt.NDArray[np.float32]) -> Iterator[GateCheck]:
    """Check that scores are finite, and that they differ between the items of a list.

    Args:
        scores: the scores of recommended items, [lists, k].

    Yields:
        `finite_scores` and `distinct_scores`.
    """
    finite = np.isfinite(scores)
    measured = f"{(~finite).sum():,} of {scores.size:,} are NaN or infinite"
    yield GateCheck("finite_scores", "scores are finite", measured, "none", bool(finite.all()))
    distinct = (np.ptp(scores, axis=1) > 0).mean() if scores.size else 0.0
    measured, required = f"in {distinct:.0%} of the lists", "in more than 50%"
    yield GateCheck("distinct_scores", "scores differ between items", measured, required, bool(distinct > 0.5))


def check_served_lists(served: Ids, evaluated: Ids) -> GateCheck:
    """Check that the model recommends the same items with and without the target in the request.

    Args:
        served: the lists for requests without targets, [queries, k].
        evaluated: the lists for the same requests with targets, [queries, k].

    Returns:
        `served_equals_evaluated`.
    """
    width = min(served.shape[1], evaluated.shape[1])
    equal = (served[:, :width] == evaluated[:, :width]).all(axis=1).mean()
    return GateCheck(
        "served_equals_evaluated",
        "served lists equal evaluated lists",
        f"{equal:.1%} are the same without the target in the request",
        f"at least {_MIN_EQUAL_LISTS:.0%}",
        bool(equal >= _MIN_EQUAL_LISTS),
    )


def check_parity(
    exported: tuple[MeasuredRecall, MeasuredRecall], trained: tuple[float, float], *, sampled: bool
) -> GateCheck:
    """Check that the exported model has the validation recall that was measured in training.

    Args:
        exported: the recall of the exported model, of retrieval and of the served stage.
        trained: the same two, as measured in training.
        sampled: whether training and this check saw different samples of the validation split.

    Returns:
        `export_parity`.
    """
    # Two samples of the same size can differ by chance. Without sampling a standard error does not matter, not even
    # the infinite one of a single user.
    tolerances = [_EXPORT_TOLERANCE + (_Z * math.sqrt(2.0) * each.error if sampled else 0.0) for each in exported]
    found, expected = [each.mean for each in exported], list(trained)
    return GateCheck(
        "export_parity",
        "the exported model equals the trained model",
        f"validation {_METRIC} is {found[0]:.4f} for retrieval, {found[1]:.4f} as served",
        f"{expected[0]:.4f} and {expected[1]:.4f}, as in training, within {tolerances[0]:.2g} and {tolerances[1]:.2g}",
        all(abs(a - b) <= tolerance for a, b, tolerance in zip(found, expected, tolerances, strict=True)),
    )


def check_leakage(test: MeasuredRecall, validation: MeasuredRecall) -> GateCheck:
    """Check that test recall is not so far above validation recall that the model must have seen the test split.

    Args:
        test: the recall on the test split.
        validation: the recall on the validation split.

    Returns:
        `no_test_leakage`.
    """
    ratio = _MAX_TEST_TO_VALIDATION_RATIO
    return GateCheck(
        "no_test_leakage",
        "no test leakage",
        f"{_METRIC} is {test.mean:.4f} in test, {validation.mean:.4f} in validation",
        f"test not significantly above {ratio:g} x validation",
        test.mean - ratio * validation.mean <= _Z * math.hypot(test.error, ratio * validation.error),
    )


def check_limit(id_: str, title: str, value: float, limit: float | None, unit: str) -> GateCheck:
    """Check a value against an optional upper limit; without one the check passes.

    Args:
        id_: the id of the check.
        title: its title.
        value: the measured value.
        limit: the highest allowed value.
        unit: the unit of both.

    Returns:
        The check.
    """
    required = "no limit" if limit is None else f"at most {limit:g} {unit}"
    return GateCheck(id_, title, f"{value:.1f} {unit}", required, limit is None or value <= limit)


def answers_of(model: Any, records: Sequence[bytes]) -> Answers:
    """Return the answers of a saved model to requests without targets.

    Args:
        model: the saved model.
        records: serialized examples.
    """
    found = call_signature(model, [_without_target(record) for record in records], "serving_default")
    return Answers(found["item_ids"], found["scores"])


def _validation_recall(model: Any, records: Sequence[bytes]) -> tuple[MeasuredRecall, MeasuredRecall]:
    """Return the validation recall of retrieval, and of the served stage."""
    queries, answers = read_queries(records), call_signature(model, records)
    targets = np.array([some[0] for some in queries.targets], dtype=object)
    users = np.unique(queries.users, return_inverse=True)[1]
    retrieved, served = (
        recall_and_ndcg(target_ranks(answers[name], targets), K)[0] for name in ("retrieval_item_ids", "item_ids")
    )
    return _recall(retrieved, users), _recall(served, users)


def _recall(values: npt.NDArray[np.float64], users: npt.NDArray[np.int64]) -> MeasuredRecall:
    mean, error, _ = mean_and_error(values, users)
    return MeasuredRecall(mean, error)


def _size_bytes(path: str) -> int:
    folders = tf.io.gfile.walk(path)  # on gs://, the name of a folder ends with "/"
    return sum(tf.io.gfile.stat(os.path.join(folder, file)).length for folder, _, files in folders for file in files)


def _check_size_and_latency(model: Any, path: str, gate: GateConfig, records: Sequence[bytes]) -> Iterator[GateCheck]:
    yield check_limit("max_size_mb", "size of the saved model", _size_bytes(path) / 1e6, gate.max_size_mb, "MB")
    call_signature(model, records[:1], "serving_default")  # warm-up
    times_ms = []
    for record in records[:_TIMED_REQUESTS]:
        start = time.perf_counter()
        call_signature(model, [record], "serving_default")
        times_ms.append(1e3 * (time.perf_counter() - start))
    median = float(np.median(times_ms))
    yield check_limit("max_latency_ms", "median latency of one request", median, gate.max_latency_ms, "ms")


def _without_target(record: bytes) -> bytes:
    """Remove the target and its features. The request time stays, because a model may read it."""
    example = tf.train.Example.FromString(record)
    features = example.features.feature
    for name in [TARGET_ID, TARGET_IDS, *map(target_key, list(features))]:
        features.pop(name, None)
    return bytes(example.SerializeToString())
