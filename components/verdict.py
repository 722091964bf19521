"""What the Evaluator found, read back: metrics, and the gate's verdict with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow_model_analysis as tfma

from components.evaluation import DISTINCT_ITEMS, GATE_METRIC
from schemas.config import Gate
from serving.export import ORDERS
from trainer.metrics import METRICS, K


@dataclass(frozen=True)
class Verdict:
    """A candidate's metrics on the test split and whether it may be pushed."""

    metrics: dict[str, float]  # of what is served
    orders: dict[str, dict[str, float]]  # of retrieval alone, and of both tasks
    blessed: bool
    reasons: list[str]


def read_verdict(evaluation: str, gate: Gate, catalogue_size: int) -> Verdict:
    """Reads the Evaluator's output folder.

    Args:
        evaluation: the folder of the `ModelEvaluation` artifact.
        gate: what the Evaluator was told to require.
        catalogue_size: the number of items that could be recommended.
    """
    validation = tfma.load_validation_result(evaluation)
    values = _values(evaluation)
    metrics = {f"{metric}@{K}": values[f"{metric}@{K}"] for metric in METRICS}
    metrics[f"coverage@{K}"] = values[DISTINCT_ITEMS] / catalogue_size
    orders = {order: {f"{metric}@{K}": values[f"{order}_{metric}@{K}"] for metric in METRICS} for order in ORDERS}
    return Verdict(metrics, orders, validation.validation_ok, _reasons(values, gate))


def _values(evaluation: str) -> dict[str, float]:
    """The overall slice's metrics, with `<metric>_diff` where there was a model to compare with."""
    for model_name in ("candidate", ""):  # TFMA names the model only when there are two
        try:
            result = tfma.load_eval_result(evaluation, model_name=model_name)
        except ValueError:
            continue
        if result.slicing_metrics:
            break
    ((_, outputs),) = result.slicing_metrics
    return {name: value["doubleValue"] for name, value in outputs[""][""].items()}


def _reasons(values: dict[str, float], gate: Gate) -> list[str]:
    measured = values[GATE_METRIC]
    floor = "reaches" if measured >= gate.min_recall else "is below"
    reasons = [f"{GATE_METRIC} {measured:.4f} {floor} the floor {gate.min_recall:.4f}"]
    difference = values.get(f"{GATE_METRIC}_diff")
    if difference is None:
        return [*reasons, "no other model was blessed before: nothing to compare with"]
    allowed = "within" if difference >= -gate.max_loss else "beyond"
    comparison = f"{GATE_METRIC} {difference:+.4f} against the last blessed model"
    return [*reasons, f"{comparison}, {allowed} the {gate.max_loss:.4f} it may lose"]
