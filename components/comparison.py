"""Two evaluations on the same queries, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.measures import MODEL
from components.results import Mask, Results
from components.statistics import SMALLEST_GROUP, Difference, difference, holm
from schemas.errors import InputError
from trainer.lists import Floats


@dataclass(frozen=True)
class Row:
    """A metric of two models on the same queries.

    Args:
        of: the metric, or the slice and its group.
        first: the mean of the first model.
        second: the mean of the second.
        difference: of the second less the first.
        p_value: of no difference, adjusted to the number of rows.
    """

    of: str
    first: float
    second: float
    difference: Difference
    p_value: float


@dataclass(frozen=True)
class Change:
    """A query whose list is another one: how many of the first k items are gone."""

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
        metrics: all that both measured of each query.
        slices: the comparison's metric in each of the first evaluation's groups, the surest change first.
        changes: the lists with the most changed items, the most changed first.
        same_lists: the share of queries whose lists are the same.
    """

    queries: int
    users: int
    only_first: int
    only_second: int
    metrics: list[Row]
    slices: list[Row]
    changes: list[Change]
    same_lists: float


def compare(first: Results, second: Results, metric: str, k: int, most: int = 5) -> Comparison:
    """Compares the models of two evaluations on the queries that both have.

    Args:
        first: the one before.
        second: the one after.
        metric: what slices are compared by.
        k: the length of the lists whose items are counted.
        most: how many of the lists that changed most.

    Raises:
        InputError: they have no query in common, or not the metric, or no lists of k items.
    """
    for results in (first, second):
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
    one, other = _common(first, second)
    if not len(one):
        raise InputError(
            expected="two runs on the same log and split",
            received=f"{len(first):,} and {len(second):,} test queries, none of them the same",
            remedy="compare runs whose data and split agree",
        )
    both = [name for name in first.metrics if name in second.metrics]
    groups = {
        f"{name} {group}": mask
        for name, masks in one.groups.items()
        for group, mask in masks.items()
        if len(np.unique(one.users[mask])) >= SMALLEST_GROUP
    }
    slices = _rows([(name, metric, mask) for name, mask in groups.items()], one, other)
    lists = [results.lists(MODEL) for results in (one, other)]
    gone = [len(set(before[:k]).difference(after[:k])) for before, after in zip(*lists, strict=True)]
    return Comparison(
        queries=len(one),
        users=len(np.unique(one.users)),
        only_first=len(first) - len(one),
        only_second=len(second) - len(other),
        metrics=_rows([(name, name, np.ones(len(one), np.bool_)) for name in both], one, other),
        slices=sorted(slices, key=lambda row: (row.p_value, row.difference.p_value())),
        changes=[
            Change(one.user_ids[row], gone[row], lists[0][row][:k], lists[1][row][:k])
            for row in sorted(range(len(one)), key=lambda row: -gone[row])[:most]
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


def _rows(wanted: Sequence[tuple[str, str, Mask]], one: Results, other: Results) -> list[Row]:
    """By name, metric and mask."""
    rows = []
    for name, metric, mask in wanted:
        first, second = (results.values(MODEL, metric)[mask] for results in (one, other))
        found = difference(second, first, one.users[mask])
        rows.append(Row(name, _mean(first), _mean(second), found, found.p_value()))
    return [replace(row, p_value=p) for row, p in zip(rows, holm([row.p_value for row in rows]), strict=True)]


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if (~np.isnan(values)).any() else float("nan")
