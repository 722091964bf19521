"""The gate's questions to the exported model: is it what was trained and evaluated, and does it answer sensibly?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Results
from components.evaluator.statistics import mean_and_error
from components.evaluator.systems import call_signature, load_model
from components.gate.list_checks import check_lists, check_orders
from components.gate.metric_checks import GateCheck
from schemas.config.evaluation import GateConfig, K
from schemas.features import TARGET_ID, TARGET_IDS, target_key
from trainer.metrics.lists import Ids
from trainer.network.model_info import read_model_info

_ASKED = 256  # test queries asked again
_TIMED = 50
_VALIDATED = 20_480  # validation queries, as many as the trainer looks at; of more, others, as Transform keeps no order
_EXPORT = 0.01  # recall@10 that rounding and another order of equal scores may change
_GAP = 1.25  # times what validation finds; beyond it the test split is known to the model
_SURELY = 2.0  # standard errors


def check_export(
    path: str, gate: GateConfig, results: Results, catalogue: Ids, test: str, validation: str, *, remove_seen: bool
) -> list[GateCheck]:
    """The checks on an exported model.

    Args:
        path: the saved model.
        gate: its ceilings on size and latency.
        results: what the evaluation kept.
        catalogue: every item of the log.
        test: the folder of test examples.
        validation: the folder of validation examples.
        remove_seen: whether nothing seen may be recommended.
    """
    model = load_model(path)
    asked = list(islice(read_examples(test), _ASKED))
    answers = call_signature(model, [_without_target(record) for record in asked], "serving_default")
    return [
        *_of_scores(answers["scores"]),
        check_orders(
            [[item for item in row if item] for row in answers["item_ids"]],
            read_queries(asked).seen if remove_seen else [set()] * len(asked),
        ),
        *check_lists(results, catalogue, remove_seen=remove_seen),
        _blind(answers["item_ids"], call_signature(model, asked)["item_ids"]),
        *_of_validation(model, path, results, list(islice(read_examples(validation), _VALIDATED))),
        *_of_costs(model, path, gate, asked),
    ]


def _of_scores(scores: npt.NDArray[np.float32]) -> Iterator[GateCheck]:
    numbers = np.isfinite(scores)
    yield GateCheck(
        "scores are numbers", f"{(~numbers).sum():,} of {scores.size:,} are not", "none", bool(numbers.all())
    )
    apart = (np.ptp(scores, axis=1) > 0).mean() if scores.size else 0.0
    yield GateCheck("scores tell items apart", f"in {apart:.0%} of the lists", "in most", bool(apart > 0.5))


def _blind(blind: Ids, evaluated: Ids) -> GateCheck:
    """Whether the lists are the same where the target was taken out of the request."""
    width = min(blind.shape[1], evaluated.shape[1])
    same = (blind[:, :width] == evaluated[:, :width]).all(axis=1).mean()
    return GateCheck(
        "what is served is what was evaluated", f"{same:.1%} of the lists", "at least 99 %", bool(same >= 0.99)
    )


def _of_validation(model: Any, path: str, results: Results, records: Sequence[bytes]) -> Iterator[GateCheck]:
    metric = f"recall@{K}"
    about = read_model_info(path)
    queries, answers = read_queries(records), call_signature(model, records)
    targets = np.array([some[0] for some in queries.targets], dtype=object)
    users = np.unique(queries.users, return_inverse=True)[1]

    def recall(items: Ids) -> tuple[float, float, int]:
        return mean_and_error((items[:, :K] == targets[:, np.newaxis]).any(axis=1).astype(np.float64), users)

    retrieved, retrieved_error, _ = recall(answers["retrieval_item_ids"])
    found, found_error, _ = recall(answers["item_ids"])
    trained = about["validation"]["retrieval"][metric], about["exported"][metric]
    # Two samples of the same size are that far apart at times.
    sampled = _SURELY * math.sqrt(2.0) if len(records) == _VALIDATED else 0.0
    within = _EXPORT + sampled * retrieved_error, _EXPORT + sampled * found_error
    yield GateCheck(
        "the export is the model that was trained",
        f"validation {metric} of retrieval {retrieved:.4f}, of what is served {found:.4f}",
        f"{trained[0]:.4f} and {trained[1]:.4f}, as in training, within {within[0]:.2g} and {within[1]:.2g}",
        abs(retrieved - trained[0]) <= within[0] and abs(found - trained[1]) <= within[1],
    )
    test, test_error, _ = mean_and_error(results.values(MODEL, metric), results.users)
    yield GateCheck(
        "the test split is news to the model",
        f"test {metric} {test:.4f}, validation {found:.4f}",
        f"not surely beyond {_GAP:g} times validation",
        test - _GAP * found <= _SURELY * math.hypot(test_error, _GAP * found_error),
    )


def _of_costs(model: Any, path: str, gate: GateConfig, records: Sequence[bytes]) -> Iterator[GateCheck]:
    sizes = (
        tf.io.gfile.stat(f"{folder}/{file}").length for folder, _, files in tf.io.gfile.walk(path) for file in files
    )
    size_mb = sum(sizes) / 1e6
    yield _below("size", size_mb, gate.max_size_mb, "MB")
    times = []
    for record in records[:_TIMED]:
        start = time.perf_counter()
        call_signature(model, [record], "serving_default")
        times.append(1e3 * (time.perf_counter() - start))
    yield _below("latency of one request", float(np.median(times[1:])), gate.max_latency_ms, "ms")


def _below(name: str, value: float, limit: float | None, unit: str) -> GateCheck:
    required = "any" if limit is None else f"at most {limit:g} {unit}"
    return GateCheck(name, f"{value:.1f} {unit}", required, limit is None or value <= limit)


def _without_target(record: bytes) -> bytes:
    """The moment for which is recommended stays: a model may be told it."""
    example = tf.train.Example.FromString(record)
    features = example.features.feature
    for name in [TARGET_ID, TARGET_IDS, *map(target_key, list(features))]:
        features.pop(name, None)
    return bytes(example.SerializeToString())
