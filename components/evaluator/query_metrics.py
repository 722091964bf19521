"""Metrics of each query, for every system: the model, its stages, the previous model and the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.evaluator.queries import Queries
from components.evaluator.slices import Groups
from schemas.config.evaluation import AUC
from trainer.metrics import METRICS
from trainer.metrics.lists import Catalogue, Floats, Ids, Lists

MODEL, PREVIOUS = "model", "previous"  # systems: the model to judge, and the model before it
USER, TARGETS, TIME_S, SLICE, ITEMS, VALUE = "user_id", "target_ids", "target_timestamp_s", "slice", "items", "value"


@dataclass(frozen=True, eq=False)
class Recommendations:
    """The lists of one system for a batch of queries.

    Args:
        ranked: item ids [n, depth], best first, padded with None or empty strings.
        auc: the AUC of the ranking task, [n]; None if the system has no ranking task.
    """

    ranked: Ids
    auc: Floats | None = None


@dataclass(frozen=True, eq=False)
class MeasuredBatch:
    """A batch of queries with their metrics.

    Args:
        queries: the batch.
        groups: slice -> the groups of each query.
        answers: system -> its lists.
        values: system -> values [n, metrics] in the order of `metric_names`, NaN where a query has no value.
        rows: system -> catalogue indices of the recommended items, [n, depth].
    """

    queries: Queries
    groups: Mapping[str, Groups]
    answers: Mapping[str, Recommendations]
    values: Mapping[str, Floats]
    rows: Mapping[str, npt.NDArray[np.int64]]


def metric_names(ks: Sequence[int]) -> list[str]:
    """Return the names of the metrics of each query.

    Args:
        ks: the lengths of lists.

    Returns:
        Names such as `recall@10`, and `auc`.
    """
    return [*(f"{name}@{k}" for name in METRICS for k in ks), AUC]


def measure(
    queries: Queries,
    groups: Mapping[str, Groups],
    answers: Mapping[str, Recommendations],
    catalogue: Catalogue,
    ks: Sequence[int],
) -> MeasuredBatch:
    """Compute all metrics of a batch.

    Args:
        queries: the queries with their targets.
        groups: the result of `components.evaluator.slices.slices`.
        answers: system -> its lists.
        catalogue: all items of the log.
        ks: the lengths of lists.

    Returns:
        The batch with its metrics.
    """
    values, rows = {}, {}
    for system, answer in answers.items():
        lists = Lists(answer.ranked, queries.targets, queries.seen, catalogue)
        auc = np.full(len(queries), np.nan) if answer.auc is None else answer.auc
        values[system] = np.stack([*(METRICS[name](k)(lists) for name in METRICS for k in ks), auc], axis=1)
        rows[system] = lists.indices[:, : max(ks)]
    return MeasuredBatch(queries, groups, answers, values, rows)


def to_table(measured: MeasuredBatch, ks: Sequence[int]) -> pa.Table:
    """Convert a batch to a table with a row for each query.

    Args:
        measured: the batch.
        ks: the lengths of lists.

    Returns:
        The table, with the columns of `schema`.
    """
    queries = measured.queries
    columns: dict[str, Any] = {USER: queries.users, TIME_S: queries.times_s, TARGETS: queries.targets}
    columns |= {f"{SLICE}:{name}": groups for name, groups in measured.groups.items()}
    for system, answer in measured.answers.items():
        columns[f"{ITEMS}:{system}"] = [[item for item in row if item] for row in answer.ranked[:, : max(ks)]]
    for system, values in measured.values.items():
        columns |= {f"{VALUE}:{system}:{name}": column for name, column in zip(metric_names(ks), values.T, strict=True)}
    return pa.table(columns, schema=schema(list(measured.answers), list(measured.groups), ks))


def schema(systems: Sequence[str], slice_names: Sequence[str], ks: Sequence[int]) -> pa.Schema:
    """Return the schema of the table of queries.

    Args:
        systems: the names of the systems.
        slice_names: the names of the slices.
        ks: the lengths of lists.

    Returns:
        The schema.
    """
    return pa.schema(list(_fields(systems, slice_names, ks)))


def _fields(systems: Sequence[str], slice_names: Sequence[str], ks: Sequence[int]) -> Iterator[tuple[str, pa.DataType]]:
    yield USER, pa.string()
    yield TIME_S, pa.int64()
    yield TARGETS, pa.list_(pa.string())
    for name in slice_names:
        yield f"{SLICE}:{name}", pa.list_(pa.string())
    for system in systems:
        yield f"{ITEMS}:{system}", pa.list_(pa.string())
    for system in systems:
        for name in metric_names(ks):
            yield f"{VALUE}:{system}:{name}", pa.float64()
