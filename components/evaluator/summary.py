"""The summary of an evaluation: metrics with intervals, for every system, and for the model in every slice."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import stats

from components.evaluator.expiry import Expiry
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
_PARTS = 20  # of the users, for the jackknife; with fewer users, each one is a part
_VALUES_AT_ONCE = 1 << 25  # that are resampled together: queries x columns


def summarize(
    results: Results, catalogue: Ids, evaluation: EvaluatorConfig, expiry: Expiry | None = None
) -> dict[str, Any]:
    """Return the content of `summary.json`.

    Args:
        results: the results of each query.
        catalogue: the ids of all items that can be recommended.
        evaluation: the settings.
        expiry: when the items expire; None if they do not.

    Returns:
        A dictionary with these keys. `users`, `queries` and `expired_targets` are counts. `systems` has an interval
        for each system and metric. `slices` has for each slice and group `queries`, `users` and the model's `metrics`.
        `fairness` has for each slice and metric the ratio of the worst group's mean to that of the best.
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
        "expired_targets": expiry.count_targets(results, catalogue) if expiry else 0,
        "systems": overall,
        "slices": slices,
        "fairness": {name: _fairness(results, results.groups[name], evaluation) for name in evaluation.fairness},
    }


def write_evaluation_summary(
    folder: str, catalogue: Ids, evaluation: EvaluatorConfig, expiry: Expiry | None = None
) -> dict[str, Any]:
    """Write `summary.json` next to the results of each query.

    Args:
        folder: the folder of the evaluation.
        catalogue: the ids of all items that can be recommended.
        evaluation: the settings.
        expiry: when the items expire; None if they do not.

    Returns:
        The summary.
    """
    summary = summarize(read_results(f"{folder}/{QUERIES}"), catalogue, evaluation, expiry)
    write_summary(folder, summary)
    return summary


def write_summary(folder: str, summary: dict[str, Any]) -> None:
    """Write `summary.json`, with null for NaN.

    Args:
        folder: the folder of the evaluation.
        summary: the result of `summarize`.
    """
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}", "w") as file:
        file.write(json.dumps(to_json_value(summary), indent=1) + "\n")


def read_summary(folder: str) -> dict[str, Any]:
    """Read `summary.json`.

    Args:
        folder: the folder of the evaluation.

    Returns:
        The result of `summarize`, with lists for intervals and None for NaN.
    """
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}") as file:
        return dict(json.load(file))


def query_metric_intervals(
    results: Results, system: str, metrics: Sequence[str], masks: Sequence[Mask | None], evaluation: EvaluatorConfig
) -> list[Metrics]:
    """Return the bootstrap intervals of metrics in several groups of queries.

    Args:
        results: the results of each query.
        system: the system.
        metrics: the metrics of each query.
        masks: the queries of each group, [queries]; None for all queries.
        evaluation: the settings.

    Returns:
        The intervals of each group. All are computed from the same samples of users.
    """
    values = results.matrix(system, metrics)
    at_once = max(1, _VALUES_AT_ONCE // max(values.size, 1))
    found: list[Metrics] = []
    for start in range(0, len(masks), at_once):
        columns = [_masked(values, mask) for mask in masks[start : start + at_once]]
        sums = sums_by_user(np.concatenate(columns, axis=1), results.users)
        drawn = resample(sums, evaluation.bootstrap_samples)
        for part in np.split(intervals(sums, drawn), len(columns)):
            found.append({name: Interval(*row) for name, row in zip(metrics, part.tolist(), strict=True)})
    return found


def _fairness(results: Results, groups: dict[str, Mask], evaluation: EvaluatorConfig) -> Metrics:
    """Return for each metric the ratio of the worst group's mean to the best's, among groups with enough users.

    The interval uses the standard error of the ratio's logarithm in bootstrap samples. It is Bonferroni-corrected for
    all pairs of groups, since any pair could have been the worst and the best. Without two groups with a value, or
    with a best mean of 0, the ratio is NaN. With a worst mean of 0, the interval is NaN.
    """
    users = [len(np.unique(results.users[mask])) for mask in groups.values()]
    large = [mask for mask, count in zip(groups.values(), users, strict=True) if count >= SMALLEST_GROUP]
    if len(large) < 2:
        return {}
    values = results.matrix(MODEL, results.metrics)
    sums = [sums_by_user(_masked(values, mask), results.users) for mask in large]
    observed = np.stack([means(each) for each in sums])
    drawn = np.stack([resample(each, evaluation.bootstrap_samples) for each in sums])
    has = ~np.isnan(observed)
    worst, best = np.where(has, observed, np.inf).argmin(axis=0), np.where(has, observed, -np.inf).argmax(axis=0)
    column = np.arange(len(results.metrics))
    level = bonferroni_level(CONFIDENCE, math.comb(len(large), 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(has.sum(axis=0) > 1, observed[worst, column] / observed[best, column], np.nan)
        logarithms = np.log(drawn[worst, :, column] / drawn[best, :, column])
        half_width = stats.norm.ppf((1 + level) / 2) * logarithms.std(axis=1, ddof=1)
    rows = np.stack([ratio, ratio * np.exp(-half_width), ratio * np.exp(half_width)], axis=1)
    return {name: Interval(*row) for name, row in zip(results.metrics, rows.tolist(), strict=True)}


def _masked(values: Floats, mask: Mask | None) -> Floats:
    return values if mask is None else np.where(mask[:, np.newaxis], values, np.nan)


def catalogue_metric_jackknife(
    results: Results, system: str, catalogue: Ids, ks: Sequence[int]
) -> dict[str, tuple[float, Floats]]:
    """Return metrics over all lists, such as coverage, with their values for a jackknife.

    The bootstrap does not fit these metrics. A sample with repeated users covers fewer items than all lists, so that
    an interval would exclude the mean itself. Removing a twentieth of the users changes the metric only a little.

    Args:
        results: the results of each query.
        system: the system.
        catalogue: the ids of all items that can be recommended.
        ks: the lengths of lists.

    Returns:
        Metric -> its value, and its values without each part of the users, [parts]. The same users give the same parts.
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
    """Return the jackknife interval of a metric between 0 and 1.

    Args:
        value: the metric over all users.
        without: [parts], the metric without each part of the users.

    Returns:
        The interval, clipped to [0, 1].
    """
    mean, low, high = jackknife(value, without).interval()
    return Interval(mean, *np.clip([low, high], 0.0, 1.0).tolist())


def to_json_value(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None.

    Args:
        value: numbers, texts, and lists, tuples and dictionaries of them.

    Returns:
        The same, with lists for tuples.
    """
    if isinstance(value, dict):
        return {key: to_json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
