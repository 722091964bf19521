"""Metrics of TensorFlow Model Analysis: means over queries, and metrics of the exposure of items.

The predictions of a query are `values`, float64 [metrics], and `rows`, int64 [depth]. The rows are catalogue indices of
the recommended items, padded with -1.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2
from tensorflow_model_analysis.proto import config_pb2

from trainer.metrics import CATALOGUE_METRICS

VALUES, ROWS = "values", "rows"
Keys = list[tfma.metrics.MetricKey]


def metric_configs(
    names: Sequence[str], ks: Sequence[int], catalogue_size: int, floors: dict[str, float]
) -> list[config_pb2.MetricConfig]:
    """Return the configurations of all metrics; a floor becomes a threshold of TFMA's validation.

    Args:
        names: the names of the metrics in `values`, in their order.
        ks: the lengths of lists for the metrics of exposure.
        catalogue_size: the number of items that can be recommended.
        floors: metric -> lowest accepted value.

    Returns:
        The configurations.
    """
    of_values = {name: column for column, name in enumerate(names)}
    of_lists = {f"{metric}@{k}": (metric, k) for metric in CATALOGUE_METRICS for k in ks}
    # TFMA has one threshold for each configuration, so a metric with a floor needs its own.
    configs = [
        _config(Means, name=_name("means", group), names=group, columns=[of_values[name] for name in group])
        for group in _groups(of_values, floors)
    ]
    configs += [
        _config(
            Exposures,
            name=_name("exposures", group),
            names=group,
            metrics=[of_lists[name] for name in group],
            items=catalogue_size,
        )
        for group in _groups(of_lists, floors)
    ]
    for config in configs:
        floor = floors.get(json.loads(config.config)["name"])
        if floor is not None:
            bound = config_pb2.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=floor))
            config.threshold.CopyFrom(config_pb2.MetricThreshold(value_threshold=bound))
    return configs


def _groups(names: Iterable[str], floors: Container[str]) -> list[list[str]]:
    """Return one group of all metrics without a floor, and a group for each other metric."""
    together = [name for name in names if name not in floors]
    return [*([together] if together else []), *([name] for name in names if name in floors)]


def _name(kind: str, group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else kind


def _config(kind: type[tfma.metrics.Metric], **arguments: Any) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=kind.__name__, module=__name__, config=json.dumps(arguments))


class Means(tfma.metrics.Metric):
    """Means of many metrics in one pass over the queries of a slice.

    Args:
        name: the name for TFMA; with one metric, its name.
        names: the names of the metrics.
        columns: the index of each metric in `values`.
    """

    def __init__(self, name: str, names: list[str], columns: list[int]) -> None:
        super().__init__(tfma.metrics.merge_per_key_computations(_means), name=name, names=names, columns=columns)


class Exposures(tfma.metrics.Metric):
    """Several of `CATALOGUE_METRICS`, from one count of the recommended items.

    Args:
        name: the name for TFMA; with one metric, its name.
        names: the names of the metrics.
        metrics: the key of each metric, and the length of its lists.
        items: the size of the catalogue.
    """

    def __init__(self, name: str, names: list[str], metrics: list[tuple[str, int]], items: int) -> None:
        super().__init__(
            tfma.metrics.merge_per_key_computations(_exposures), name=name, names=names, metrics=metrics, items=items
        )


def _means(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
    names: Sequence[str] = (),
    columns: Sequence[int] = (),
) -> list[tfma.metrics.MetricComputation]:
    keys = [tfma.metrics.MetricKey(each, model_name, output_name, example_weighted=example_weighted) for each in names]
    return [tfma.metrics.MetricComputation(keys=keys, preprocessors=None, combiner=_MeanCombiner(keys, columns))]


def _exposures(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
    names: Sequence[str] = (),
    metrics: Sequence[tuple[str, int]] = (),
    items: int = 0,
) -> list[tfma.metrics.MetricComputation]:
    keys = [tfma.metrics.MetricKey(each, model_name, output_name, example_weighted=example_weighted) for each in names]
    combiner = _ExposureCombiner(keys, metrics, items)
    return [tfma.metrics.MetricComputation(keys=keys, preprocessors=None, combiner=combiner)]


Sums = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # sums of values, and numbers of values


class _MeanCombiner(beam.CombineFn):
    def __init__(self, keys: Keys, columns: Sequence[int]) -> None:
        self._keys = keys
        self._columns = np.array(columns, dtype=np.int64)

    def create_accumulator(self) -> Sums:
        return np.zeros(len(self._keys)), np.zeros(len(self._keys))

    def add_input(self, sums: Sums, element: tfma.metrics.StandardMetricInputs) -> Sums:
        values = element.get_predictions(self._keys[0].model_name)[VALUES].reshape(-1)[self._columns]
        has = ~np.isnan(values)
        return sums[0] + np.where(has, values, 0.0), sums[1] + has

    def merge_accumulators(self, parts: Iterable[Sums]) -> Sums:
        values, counts = zip(*parts, strict=True)
        return np.sum(values, axis=0), np.sum(counts, axis=0)

    def extract_output(self, sums: Sums) -> dict[tfma.metrics.MetricKey, float]:
        means = np.divide(*sums, out=np.full(len(self._keys), np.nan), where=sums[1] > 0)
        return dict(zip(self._keys, means.tolist(), strict=True))


class _ExposureCombiner(beam.CombineFn):
    """Counts of items in each part of a list: up to the first length, from there to the second, and so on."""

    def __init__(self, keys: Keys, metrics: Sequence[tuple[str, int]], items: int) -> None:
        self._keys = keys
        self._metrics = metrics
        self._ks = sorted({k for _, k in metrics})
        self._items = items

    def create_accumulator(self) -> list[Counter[int]]:
        return [Counter() for _ in self._ks]

    def add_input(self, parts: list[Counter[int]], element: tfma.metrics.StandardMetricInputs) -> list[Counter[int]]:
        rows = element.get_predictions(self._keys[0].model_name)[ROWS].reshape(-1)
        for counts, part in zip(
            parts, np.split(rows, self._ks), strict=False
        ):  # the part after the last length does not count
            counts.update(part[part >= 0].tolist())
        return parts

    def merge_accumulators(self, accumulators: Iterable[list[Counter[int]]]) -> list[Counter[int]]:
        merged = self.create_accumulator()
        for parts in accumulators:
            for counts, part in zip(merged, parts, strict=True):
                counts.update(part)
        return merged

    def extract_output(self, parts: list[Counter[int]]) -> dict[tfma.metrics.MetricKey, float]:
        exposures = np.zeros((len(parts), self._items), np.int64)
        for row, counts in zip(exposures, parts, strict=True):
            row[list(counts)] = list(counts.values())
        up_to = dict(zip(self._ks, exposures.cumsum(axis=0), strict=True))
        return {
            key: float(CATALOGUE_METRICS[metric](k)(up_to[k]))
            for key, (metric, k) in zip(self._keys, self._metrics, strict=True)
        }
