"""Comparison of two evaluations on the same queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Mask, Results
from components.evaluator.statistics import SMALLEST_GROUP, Interval, difference, holm, jackknife
from components.evaluator.summary import catalogue_metric_jackknife, clipped_interval, query_metric_intervals
from schemas.config.evaluation import EvaluatorConfig
from schemas.errors import InputError
from trainer.metrics.lists import Ids


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """The evaluation of one model.

    Args:
        results: the values and lists of each query.
        catalogue: the ids of all items that could be recommended.
    """

    results: Results
    catalogue: Ids


@dataclass(frozen=True)
class MetricRow:
    """A metric of two models on the same queries.

    Args:
        name: the metric, or the slice and its group.
        first: the mean of the first model.
        second: the mean of the second model.
        difference: the second model minus the first.
        p_value: the p-value of no difference, adjusted for the number of rows.
    """

    name: str
    first: Interval
    second: Interval
    difference: Interval
    p_value: float


@dataclass(frozen=True)
class ListChange:
    """A user whose list changed.

    Args:
        user: the user's id.
        removed: the number of the first k items that are missing in the second list.
        first: the first k items of the first model.
        second: the first k items of the second model.
    """

    user: str
    removed: int
    first: list[str]
    second: list[str]


@dataclass(frozen=True)
class Comparison:
    """The differences between two models.

    Args:
        queries: the number of queries in both evaluations.
        users: the number of their users.
        only_first: the number of queries in the first evaluation only.
        only_second: the number of queries in the second evaluation only.
        metrics: all metrics that both evaluations have.
        slices: the comparison's metric in each group of the first evaluation, lowest p-value first.
        changes: the users whose lists changed most, each with the list that changed most.
        same_lists: the fraction of queries with the same list from both models.
    """

    queries: int
    users: int
    only_first: int
    only_second: int
    metrics: list[MetricRow]
    slices: list[MetricRow]
    changes: list[ListChange]
    same_lists: float


def compare(
    first: EvaluatedModel, second: EvaluatedModel, evaluation: EvaluatorConfig, metric: str, k: int, most: int = 5
) -> Comparison:
    """Compare the models of two evaluations on the queries that both have.

    Args:
        first: the model before a change.
        second: the model after it.
        evaluation: the settings for intervals.
        metric: the metric to compare in slices.
        k: the length of the lists whose changes are counted.
        most: the number of users with changed lists to return.

    Returns:
        The comparison.

    Raises:
        InputError: the evaluations have no common query, lack the metric, or kept fewer than k items.

    Example:
        >>> found = compare(before, after, config.evaluator_config, "recall@10", k=10)  # doctest: +SKIP
        >>> [(row.name, row.p_value) for row in found.metrics if row.p_value < 0.05]  # doctest: +SKIP
        [('ndcg@10', 0.003)]
    """
    for results in (first.results, second.results):
        _require(results, metric, k)
    one, other = _common(first.results, second.results)
    if not len(one):
        raise InputError(
            expected="two runs on the same log and split",
            received=f"{len(first.results):,} and {len(second.results):,} test queries, none of them the same",
            remedy="compare runs with the same data and split",
        )
    models = EvaluatedModel(one, first.catalogue), EvaluatedModel(other, second.catalogue)
    common = [name for name in one.metrics if name in other.metrics]
    metrics = [*_compare_query_metrics(*models, evaluation, common, {"": None}), *_compare_catalogue_metrics(*models)]
    slices = _compare_query_metrics(*models, evaluation, [metric], _large_groups(one))
    lists = zip(one.lists(MODEL), other.lists(MODEL), strict=True)
    return Comparison(
        queries=len(one),
        users=len(np.unique(one.users)),
        only_first=len(first.results) - len(one),
        only_second=len(second.results) - len(other),
        metrics=_adjusted(metrics),
        slices=_adjusted(sorted(slices, key=lambda row: row.p_value)),
        changes=_largest_changes(one, other, k)[:most],
        same_lists=float(np.mean([before[:k] == after[:k] for before, after in lists])),
    )


def _require(results: Results, metric: str, k: int) -> None:
    """Raise InputError unless an evaluation has the metric and lists of k items."""
    if metric not in results.metrics:
        raise InputError(
            expected=f"evaluations with {metric}",
            received=f"one with {', '.join(results.metrics)}",
            remedy="choose another --metric, or evaluate both with the same evaluate.ks",
        )
    if k > results.longest:
        raise InputError(
            expected=f"evaluations with {k} items of each list",
            received=f"one with {results.longest}, the largest of its evaluate.ks",
            remedy=f"give a --k of {results.longest} at most, or evaluate both with larger evaluate.ks",
        )


def _common(first: Results, second: Results) -> tuple[Results, Results]:
    """Return the queries that both have, in the same order: same user, time and targets."""
    keys = [results.keys() for results in (first, second)]
    row_of = {key: row for row, key in enumerate(keys[1])}
    rows = [(row, row_of[key]) for row, key in enumerate(keys[0]) if key in row_of]
    return tuple(  # type: ignore[return-value]
        Results(results.table.take(pa.array([pair[side] for pair in rows], pa.int64())))
        for side, results in enumerate((first, second))
    )


def _large_groups(results: Results) -> dict[str, Mask | None]:
    return {
        f"{name} {group}": mask
        for name, masks in results.groups.items()
        for group, mask in masks.items()
        if len(np.unique(results.users[mask])) >= SMALLEST_GROUP
    }


def _largest_changes(first: Results, second: Results, k: int) -> list[ListChange]:
    """Return for each user the list that changed most, most removed items first."""
    lists = list(zip(first.lists(MODEL), second.lists(MODEL), strict=True))
    removed = [len(set(before[:k]).difference(after[:k])) for before, after in lists]
    row_of: dict[str, int] = {}
    for row in sorted(range(len(first)), key=lambda row: -removed[row]):
        row_of.setdefault(first.user_ids[row], row)
    return [ListChange(user, removed[row], lists[row][0][:k], lists[row][1][:k]) for user, row in row_of.items()]


def _compare_query_metrics(
    one: EvaluatedModel,
    other: EvaluatedModel,
    evaluation: EvaluatorConfig,
    metrics: Sequence[str],
    masks: Mapping[str, Mask | None],
) -> Iterator[MetricRow]:
    """Yield each metric in each group of queries, named after the group, or after the metric if the group has no name.

    P-values are not adjusted.
    """
    found = [
        query_metric_intervals(side.results, MODEL, metrics, list(masks.values()), evaluation) for side in (one, other)
    ]
    for (group, mask), before, after in zip(masks.items(), *found, strict=True):
        kept = slice(None) if mask is None else mask
        for metric in metrics:
            first, second = (side.results.values(MODEL, metric)[kept] for side in (one, other))
            change = difference(second, first, one.results.users[kept])
            yield MetricRow(group or metric, before[metric], after[metric], change.interval(), change.p_value())


def _compare_catalogue_metrics(one: EvaluatedModel, other: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield the metrics over all lists. The jackknife removes the same users from both; p-values are not adjusted."""
    ks = [k for k in one.results.ks if k in other.results.ks]
    found = [catalogue_metric_jackknife(side.results, MODEL, side.catalogue, ks) for side in (one, other)]
    for name, (before, without_before) in found[0].items():
        after, without_after = found[1][name]
        change = jackknife(after - before, without_after - without_before)
        yield MetricRow(
            name,
            clipped_interval(before, without_before),
            clipped_interval(after, without_after),
            change.interval(),
            change.p_value(),
        )


def _adjusted(rows: Sequence[MetricRow]) -> list[MetricRow]:
    """Return the rows with p-values that are adjusted for the number of rows."""
    return [replace(row, p_value=p) for row, p in zip(rows, holm([row.p_value for row in rows]), strict=True)]
