"""What is measured of each query: the values of all metrics, for every system that recommended something."""

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

MODEL, PREVIOUS = "model", "previous"  # systems: what is judged, and what was blessed before it
USER, TARGETS, TIME_S, SLICE, ITEMS, VALUE = "user_id", "target_ids", "target_timestamp_s", "slice", "items", "value"


@dataclass(frozen=True, eq=False)
class Recommendations:
    """What one system recommended to a batch of queries.

    Args:
        ranked: strings [n, depth], best first, filled up with None or empty strings.
        auc: of the ranking task, [n]; None where the system has no such task.
    """

    ranked: Ids
    auc: Floats | None = None


@dataclass(frozen=True, eq=False)
class MeasuredBatch:
    """A batch of queries with all that was measured.

    Args:
        queries: the batch.
        groups: by slice, of each query the groups that it is in.
        answers: by system, its lists.
        values: by system, [n, metrics], in the order of `metric_names`; NaN where there is no value.
        rows: by system, places of what was recommended in the catalogue, [n, depth].
    """

    queries: Queries
    groups: Mapping[str, Groups]
    answers: Mapping[str, Recommendations]
    values: Mapping[str, Floats]
    rows: Mapping[str, npt.NDArray[np.int64]]


def metric_names(ks: Sequence[int]) -> list[str]:
    """The metrics of each query, like `recall@10`, and the AUC."""
    return [*(f"{name}@{k}" for name in METRICS for k in ks), AUC]


def measure(
    queries: Queries,
    groups: Mapping[str, Groups],
    answers: Mapping[str, Recommendations],
    catalogue: Catalogue,
    ks: Sequence[int],
) -> MeasuredBatch:
    """Measures a batch.

    Args:
        queries: what was asked, and what followed.
        groups: of `components.evaluator.slices.slices`.
        answers: by system.
        catalogue: every item of the log.
        ks: the lengths of lists to look at.
    """
    values, rows = {}, {}
    for system, answer in answers.items():
        lists = Lists(answer.ranked, queries.targets, queries.seen, catalogue)
        auc = np.full(len(queries), np.nan) if answer.auc is None else answer.auc
        values[system] = np.stack([*(METRICS[name](k)(lists) for name in METRICS for k in ks), auc], axis=1)
        rows[system] = lists.indices[:, : max(ks)]
    return MeasuredBatch(queries, groups, answers, values, rows)


def to_table(measured: MeasuredBatch, ks: Sequence[int]) -> pa.Table:
    """A row a query; columns as `schema` has them."""
    queries = measured.queries
    columns: dict[str, Any] = {USER: queries.users, TIME_S: queries.times_s, TARGETS: queries.targets}
    columns |= {f"{SLICE}:{name}": groups for name, groups in measured.groups.items()}
    for system, answer in measured.answers.items():
        columns[f"{ITEMS}:{system}"] = [[item for item in row if item] for row in answer.ranked[:, : max(ks)]]
    for system, values in measured.values.items():
        columns |= {f"{VALUE}:{system}:{name}": column for name, column in zip(metric_names(ks), values.T, strict=True)}
    return pa.table(columns, schema=schema(list(measured.answers), list(measured.groups), ks))


def schema(systems: Sequence[str], slice_names: Sequence[str], ks: Sequence[int]) -> pa.Schema:
    """The columns of what is kept of each query."""
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
