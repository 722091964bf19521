"""The Evaluator's configuration, and full-catalogue ranking metrics for TFMA."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2

from schemas.config import Gate
from schemas.features import TARGET_ID
from serving.export import ORDERS
from trainer.metrics import METRICS, K

GATE_METRIC = f"recall@{K}"
DISTINCT_ITEMS = f"distinct_items@{K}"
# Of the signature: what is served, and the orders of the two tasks. The key comes before the metrics' names.
OUTPUTS = {"": "item_ids", **{f"{order}_": f"{order}_item_ids" for order in ORDERS}}


def eval_config(gate: Gate) -> tfma.EvalConfig:
    """What the Evaluator measures on the exported model, and what it must reach.

    A model is blessed when recall@10 reaches the floor and, where a model was
    blessed before, does not lie further below that one than allowed.
    """
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=gate.min_recall)),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            absolute=wrappers_pb2.DoubleValue(value=-gate.max_loss),
        ),
    )
    metrics = [
        _metric_config(RankingMetric, name=f"{prefix}{metric}@{K}", metric=metric, k=K, output=output)
        for prefix, output in OUTPUTS.items()
        for metric in METRICS
    ]
    metrics.append(_metric_config(DistinctItems, name=DISTINCT_ITEMS, k=K))
    next(config for config in metrics if json.loads(config.config)["name"] == GATE_METRIC).threshold.CopyFrom(threshold)
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="evaluate", label_key=TARGET_ID)],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def _metric_config(kind: type[tfma.metrics.Metric], **arguments: Any) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=kind.__name__, module=__name__, config=json.dumps(arguments))


class RankingMetric(tfma.metrics.Metric):
    """The mean of a ranking metric over the examples.

    The label is the target's id.

    Args:
        name: TFMA's name for the metric.
        metric: a key of `trainer.metrics.METRICS`.
        k: the length of the lists to judge.
        output: which of the predictions holds what was recommended, best first.
    """

    def __init__(self, name: str, metric: str, k: int, output: str) -> None:
        super().__init__(tfma.metrics.merge_per_key_computations(_mean), name=name, metric=metric, k=k, output=output)


class DistinctItems(tfma.metrics.Metric):
    """How many different items are recommended to anyone: coverage before it is divided by the catalogue's size."""

    def __init__(self, name: str, k: int) -> None:
        super().__init__(tfma.metrics.merge_per_key_computations(_distinct), name=name, k=k)


def _mean(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
    metric: str = "",
    k: int = K,
    output: str = "",
) -> list[tfma.metrics.MetricComputation]:
    key = tfma.metrics.MetricKey(name, model_name, output_name, example_weighted=example_weighted)
    return [
        tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=_MeanCombiner(key, metric, k, output))
    ]


def _distinct(
    name: str, model_name: str = "", output_name: str = "", example_weighted: bool = False, k: int = K
) -> list[tfma.metrics.MetricComputation]:
    key = tfma.metrics.MetricKey(name, model_name, output_name, example_weighted=example_weighted)
    return [tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=_DistinctCombiner(key, k))]


class _MeanCombiner(beam.CombineFn):
    """The accumulator is (examples, sum)."""

    def __init__(self, key: tfma.metrics.MetricKey, metric: str, k: int, output: str) -> None:
        self._key = key
        self._metric = metric
        self._k = k
        self._output = output

    def create_accumulator(self) -> tuple[int, float]:
        return 0, 0.0

    def add_input(
        self, accumulator: tuple[int, float], element: tfma.metrics.StandardMetricInputs
    ) -> tuple[int, float]:
        target = np.reshape(element.get_labels(self._key.model_name, self._key.output_name), [1])
        value = METRICS[self._metric](_ranked(element, self._key, self._output), target, self._k)
        return accumulator[0] + 1, accumulator[1] + float(value[0])

    def merge_accumulators(self, accumulators: Iterable[tuple[int, float]]) -> tuple[int, float]:
        counts, sums = zip(*accumulators, strict=True)
        return sum(counts), sum(sums)

    def extract_output(self, accumulator: tuple[int, float]) -> dict[tfma.metrics.MetricKey, float]:
        count, total = accumulator
        return {self._key: total / count if count else float("nan")}


class _DistinctCombiner(beam.CombineFn):
    """The accumulator is the set of items."""

    def __init__(self, key: tfma.metrics.MetricKey, k: int) -> None:
        self._key = key
        self._k = k

    def create_accumulator(self) -> set[bytes]:
        return set()

    def add_input(self, accumulator: set[bytes], element: tfma.metrics.StandardMetricInputs) -> set[bytes]:
        return accumulator.union(item for item in _ranked(element, self._key, "item_ids")[0, : self._k] if item)

    def merge_accumulators(self, accumulators: Iterable[set[bytes]]) -> set[bytes]:
        return set().union(*accumulators)

    def extract_output(self, accumulator: set[bytes]) -> dict[tfma.metrics.MetricKey, float]:
        return {self._key: float(len(accumulator))}


def _ranked(
    element: tfma.metrics.StandardMetricInputs, key: tfma.metrics.MetricKey, output: str
) -> npt.NDArray[np.object_]:
    """The recommended ids, [1, k]."""
    return np.reshape(element.get_predictions(key.model_name, key.output_name)[output], [1, -1])
