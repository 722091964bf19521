"""An evaluation in numbers: every metric of every system with its interval, the model's in every slice."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import stats

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import QUERIES, Mask, Results, read_results
from components.evaluator.statistics import (
    CONFIDENCE,
    SEED,
    SMALLEST_GROUP,
    Interval,
    bonferroni_level,
    intervals,
    jackknife,
    means,
    resample,
    sums_by_user,
)
from schemas.config.evaluation import EvaluatorConfig
from trainer.metrics import CATALOGUE_METRICS, catalogue_indices, count_exposures, pad_lists
from trainer.metrics.lists import Floats, Ids

FILE_NAME = "summary.json"
Metrics = dict[str, Interval]
_PARTS = 20  # of the users, for the jackknife, where there are so many
_EVERYTHING = 1 << 25  # numbers whose means are drawn at once: queries x columns


def summarize(results: Results, catalogue: Ids, evaluation: EvaluatorConfig) -> dict[str, Any]:
    """What `summary.json` holds.

    Its keys: `users` and `queries`, counts; `systems`, by system and metric
    (mean, low, high) over all queries; `slices`, by slice and group the
    numbers of queries and users and the same of the model; `fairness`, by
    slice, metric, the ratio of the worst group's mean to the best's.
    """
    names = results.metrics
    overall = {
        system: query_metric_intervals(results, system, names, [None], evaluation)[0] for system in results.systems
    }
    for system, metrics in overall.items():
        of_lists = catalogue_metric_jackknife(results, system, catalogue, evaluation.ks)
        metrics.update({name: clipped_interval(*found) for name, found in of_lists.items()})
    slices: dict[str, Any] = {}
    for name, groups in results.groups.items():
        found = query_metric_intervals(results, MODEL, names, list(groups.values()), evaluation)
        slices[name] = {
            group: {"queries": int(mask.sum()), "users": len(np.unique(results.users[mask])), "metrics": metrics}
            for (group, mask), metrics in zip(groups.items(), found, strict=True)
        }
    return {
        "users": len(np.unique(results.users)),
        "queries": len(results),
        "systems": overall,
        "slices": slices,
        "fairness": {name: _gaps(results, results.groups[name], evaluation) for name in evaluation.fairness},
    }


def write_evaluation_summary(folder: str, catalogue: Ids, evaluation: EvaluatorConfig) -> dict[str, Any]:
    """Writes the summary of what an evaluation kept of each query, beside it, and returns it.

    Args:
        folder: of the evaluation.
        catalogue: every item that can be recommended.
        evaluation: what was measured.
    """
    summary = summarize(read_results(f"{folder}/{QUERIES}"), catalogue, evaluation)
    write_summary(folder, summary)
    return summary


def write_summary(folder: str, summary: dict[str, Any]) -> None:
    """Writes `summary.json`; what is no number is null there."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}", "w") as file:
        file.write(json.dumps(to_json_value(summary), indent=1) + "\n")


def read_summary(folder: str) -> dict[str, Any]:
    """Reads `summary.json`."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}") as file:
        return dict(json.load(file))


def query_metric_intervals(
    results: Results, system: str, metrics: Sequence[str], masks: Sequence[Mask | None], evaluation: EvaluatorConfig
) -> list[Metrics]:
    """Of metrics of each query, over the queries of each mask; the same users are drawn for all of them."""
    values = results.matrix(system, metrics)
    at_once = max(1, _EVERYTHING // max(values.size, 1))
    found: list[Metrics] = []
    for start in range(0, len(masks), at_once):
        columns = [_masked(values, mask) for mask in masks[start : start + at_once]]
        sums = sums_by_user(np.concatenate(columns, axis=1), results.users)
        drawn = resample(sums, evaluation.bootstrap_samples)
        for part in np.split(intervals(sums, drawn), len(columns)):
            found.append({name: Interval(*row) for name, row in zip(metrics, part.tolist(), strict=True)})
    return found


def _gaps(results: Results, groups: dict[str, Mask], evaluation: EvaluatorConfig) -> Metrics:
    """Of each metric, the ratio of the worst group's mean to the best's; of groups with enough users.

    The interval is of these two groups, by the standard error of their ratio's logarithm in resamples, and covers for
    all pairs that could have been the worst and the best (Bonferroni): the more groups, the wider. There is none
    where a mean is 0, and no ratio where fewer than two groups have a value, or all have 0.
    """
    users = [len(np.unique(results.users[mask])) for mask in groups.values()]
    large = [mask for mask, count in zip(groups.values(), users, strict=True) if count >= SMALLEST_GROUP]
    if len(large) < 2:
        return {}
    values = results.matrix(MODEL, results.metrics)
    sums = [sums_by_user(_masked(values, mask), results.users) for mask in large]
    now = np.stack([means(each) for each in sums])
    drawn = np.stack([resample(each, evaluation.bootstrap_samples) for each in sums])
    has = ~np.isnan(now)
    worst, best = np.where(has, now, np.inf).argmin(axis=0), np.where(has, now, -np.inf).argmax(axis=0)
    column = np.arange(len(results.metrics))
    level = bonferroni_level(CONFIDENCE, math.comb(len(large), 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(has.sum(axis=0) > 1, now[worst, column] / now[best, column], np.nan)
        logarithms = np.log(drawn[worst, :, column] / drawn[best, :, column])
        reach = stats.norm.ppf((1 + level) / 2) * logarithms.std(axis=1, ddof=1)
    rows = np.stack([ratio, ratio * np.exp(-reach), ratio * np.exp(reach)], axis=1)
    return {name: Interval(*row) for name, row in zip(results.metrics, rows.tolist(), strict=True)}


def _masked(values: Floats, mask: Mask | None) -> Floats:
    return values if mask is None else np.where(mask[:, np.newaxis], values, np.nan)


def catalogue_metric_jackknife(
    results: Results, system: str, catalogue: Ids, ks: Sequence[int]
) -> dict[str, tuple[float, Floats]]:
    """Coverage and its like, of all lists, and without those of each part of the users, [parts], for a jackknife.

    A resampled half of the lists covers less than all of them, so that the
    bootstrap's intervals would miss the number itself; leaving out a twentieth
    changes it little. The same users make the same parts.
    """
    users = int(results.users.max()) + 1
    count = min(_PARTS, users)
    part_of = np.random.Generator(np.random.Philox(SEED)).permutation(users) % count
    parts, indices = part_of[results.users], catalogue_indices(pad_lists(results.lists(system), max(ks)), catalogue)
    found = {}
    for k in ks:
        by_part = np.stack([count_exposures(indices[parts == part], k, len(catalogue)) for part in range(count)])
        everything = by_part.sum(axis=0)
        for name, metric in CATALOGUE_METRICS.items():
            found[f"{name}@{k}"] = float(metric(k)(everything)), metric(k)(everything - by_part)
    return found


def clipped_interval(value: float, without: Floats) -> Interval:
    """Of a number that lies from 0 to 1, as `catalogue_metric_jackknife` gives it."""
    mean, low, high = jackknife(value, without).interval()
    return Interval(mean, *np.clip([low, high], 0.0, 1.0).tolist())


def to_json_value(value: Any) -> Any:
    """What JSON can hold: None for what is no number."""
    if isinstance(value, dict):
        return {key: to_json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
