"""Evaluations made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from components.evaluator.query_metrics import ITEMS, SLICE, TARGETS, TIME_S, USER, VALUE
from components.evaluator.query_results import Results
from schemas.config.evaluation import EvaluatorConfig

Values = Sequence[float]
EVALUATION = EvaluatorConfig(
    ks=(10,), slices=(), fairness=(), bootstrap_samples=200, times=True, remove_seen=True, categories=()
)


def results(
    values: Mapping[str, Mapping[str, Values]],
    *,
    users: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[Sequence[str]]] | None = None,
    lists: Mapping[str, Sequence[Sequence[str]]] | None = None,
    targets: Sequence[Sequence[str]] | None = None,
) -> Results:
    """By system and metric, the values of the queries; by slice, their groups; by system, their lists."""
    count = len(next(iter(next(iter(values.values())).values())))
    columns: dict[str, Any] = {
        USER: pa.array(users or [f"u{n:05}" for n in range(count)], pa.string()),
        TIME_S: pa.array([0] * count, pa.int64()),
        TARGETS: pa.array(targets or [["t"]] * count, pa.list_(pa.string())),
    }
    for name, of_queries in (groups or {}).items():
        columns[f"{SLICE}:{name}"] = pa.array(of_queries, pa.list_(pa.string()))
    for system in values:
        columns[f"{ITEMS}:{system}"] = pa.array((lists or {}).get(system, [["a"]] * count), pa.list_(pa.string()))
    for system, metrics in values.items():
        for metric, numbers in metrics.items():
            columns[f"{VALUE}:{system}:{metric}"] = pa.array(numbers, pa.float64())
    return Results(pa.table(columns))
