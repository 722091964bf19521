"""Two evaluations on the same queries, side by side."""

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
    """One of two evaluations.

    Args:
        results: what it kept of each query.
        catalogue: every item that could be recommended.
    """

    results: Results
    catalogue: Ids


@dataclass(frozen=True)
class MetricRow:
    """A metric of two models on the same queries.

    Args:
        of: the metric, or the slice and its group.
        first: of the first model.
        second: of the second.
        difference: of the second less the first.
        p_value: of no difference, adjusted to the number of rows.
    """

    of: str
    first: Interval
    second: Interval
    difference: Interval
    p_value: float


@dataclass(frozen=True)
class ListChange:
    """A user whose list is another one: how many of the first k items are gone."""

    user: str
    gone: int
    first: list[str]
    second: list[str]


@dataclass(frozen=True)
class Comparison:
    """What changed between two models.

    Args:
        queries: in both evaluations.
        users: whose they are.
        only_first: queries of the first evaluation alone.
        only_second: of the second alone.
        metrics: all that both measured, of each query and over all lists.
        slices: the comparison's metric in each of the first evaluation's groups, the surest change first.
        changes: the users whose lists changed most, the most changed first; of each user the list that did.
        same_lists: the share of queries whose lists are the same.
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
    """Compares the models of two evaluations on the queries that both have.

    Args:
        first: the one before.
        second: the one after.
        evaluation: how intervals are drawn.
        metric: what slices are compared by.
        k: the length of the lists whose items are counted.
        most: how many of the users whose lists changed most.

    Raises:
        InputError: they have no query in common, or not the metric, or no lists of k items.
    """
    for results in (first.results, second.results):
        if metric not in results.metrics:
            raise InputError(
                expected=f"evaluations that measured {metric}",
                received=f"one that measured {', '.join(results.metrics)}",
                remedy="choose another --metric, or evaluate both with the same evaluate.ks",
            )
        if k > results.longest:
            raise InputError(
                expected=f"evaluations that kept {k} items of each list",
                received=f"one that kept {results.longest}, the longest of its evaluate.ks",
                remedy=f"give a --k of {results.longest} at most, or evaluate both with greater evaluate.ks",
            )
    one, other = _common(first.results, second.results)
    if not len(one):
        raise InputError(
            expected="two runs on the same log and split",
            received=f"{len(first.results):,} and {len(second.results):,} test queries, none of them the same",
            remedy="compare runs whose data and split agree",
        )
    groups = {
        f"{name} {group}": mask
        for name, masks in one.groups.items()
        for group, mask in masks.items()
        if len(np.unique(one.users[mask])) >= SMALLEST_GROUP
    }
    sides = EvaluatedModel(one, first.catalogue), EvaluatedModel(other, second.catalogue)
    both = [name for name in one.metrics if name in other.metrics]
    metrics = [*_of_queries(*sides, evaluation, both, {"": None}), *_of_catalogue(*sides)]
    slices = _of_queries(*sides, evaluation, [metric], groups)
    lists = [results.lists(MODEL) for results in (one, other)]
    gone = [len(set(before[:k]).difference(after[:k])) for before, after in zip(*lists, strict=True)]
    changed: dict[str, int] = {}
    for row in sorted(range(len(one)), key=lambda row: -gone[row]):
        changed.setdefault(one.user_ids[row], row)
    return Comparison(
        queries=len(one),
        users=len(np.unique(one.users)),
        only_first=len(first.results) - len(one),
        only_second=len(second.results) - len(other),
        metrics=_adjusted(metrics),
        slices=_adjusted(sorted(slices, key=lambda row: row.p_value)),
        changes=[
            ListChange(user, gone[row], lists[0][row][:k], lists[1][row][:k])
            for user, row in list(changed.items())[:most]
        ],
        same_lists=float(np.mean([before[:k] == after[:k] for before, after in zip(*lists, strict=True)])),
    )


def _common(first: Results, second: Results) -> tuple[Results, Results]:
    """The queries that both have, in the same order: of one user, at one time, with the same targets."""
    keys = [results.keys() for results in (first, second)]
    place = {key: row for row, key in enumerate(keys[1])}
    rows = [(row, place[key]) for row, key in enumerate(keys[0]) if key in place]
    return tuple(  # type: ignore[return-value]
        Results(results.table.take(pa.array([pair[side] for pair in rows], pa.int64())))
        for side, results in enumerate((first, second))
    )


def _of_queries(
    one: EvaluatedModel,
    other: EvaluatedModel,
    evaluation: EvaluatorConfig,
    metrics: Sequence[str],
    masks: Mapping[str, Mask | None],
) -> Iterator[MetricRow]:
    """Of each group of queries every metric, p-values not adjusted; a row is of the group, or of the metric of all."""
    found = [
        query_metric_intervals(side.results, MODEL, metrics, list(masks.values()), evaluation) for side in (one, other)
    ]
    for (group, mask), before, after in zip(masks.items(), *found, strict=True):
        kept = slice(None) if mask is None else mask
        for metric in metrics:
            first, second = (side.results.values(MODEL, metric)[kept] for side in (one, other))
            change = difference(second, first, one.results.users[kept])
            yield MetricRow(group or metric, before[metric], after[metric], change.interval(), change.p_value())


def _of_catalogue(one: EvaluatedModel, other: EvaluatedModel) -> Iterator[MetricRow]:
    """Of all lists, p-values not adjusted; the same parts of the users are left out of both."""
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
    """With p-values that are adjusted to the number of rows."""
    return [replace(row, p_value=p) for row, p in zip(rows, holm([row.p_value for row in rows]), strict=True)]
