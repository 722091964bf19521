"""Metrics of a classifier: a confusion matrix, and precision, recall and F1 by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


class ClassMetrics(NamedTuple):
    """The metrics of a class, each 0 where it is not defined, as in scikit-learn's `classification_report`."""

    name: str
    precision: float  # of the examples that are predicted as the class, the fraction that belongs to it
    recall: float  # of the examples of the class, the fraction that is predicted as it
    f1: float  # the harmonic mean of both
    support: int  # the number of examples of the class


def confusion_matrix(classes: npt.NDArray[Any], predicted: npt.NDArray[Any], count: int) -> Counts:
    """Count the examples by their class and the predicted class.

    Args:
        classes: int [n], the class of each example, from 0.
        predicted: int [n].
        count: the number of classes.

    Returns:
        int64 [count, count]; a row is a class, a column a predicted one.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    matrix = np.zeros([count, count], np.int64)
    np.add.at(matrix, (classes, predicted), 1)
    return matrix


def class_metrics(matrix: Counts, names: Sequence[str]) -> list[ClassMetrics]:
    """Return the metrics of each class that an example has or that is predicted.

    Args:
        matrix: as from `confusion_matrix`.
        names: the names of the classes.

    Example:
        >>> class_metrics(np.array([[1, 1], [0, 1]]), ["news", "sport"])[1]
        ClassMetrics(name='sport', precision=0.5, recall=1.0, f1=0.6666666666666666, support=1)
    """
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    found = []
    for index in np.flatnonzero(support + predicted).tolist():
        f1 = 2 * hits[index] / (support[index] + predicted[index])
        found.append(
            ClassMetrics(
                names[index],
                float(hits[index] / max(predicted[index], 1)),
                float(hits[index] / max(support[index], 1)),
                float(f1),
                int(support[index]),
            )
        )
    return found


def macro_f1(metrics: Sequence[ClassMetrics]) -> float:
    """Return the mean F1 of the classes, each with the same weight.

    Args:
        metrics: as from `class_metrics`.
    """
    return float(np.mean([each.f1 for each in metrics])) if metrics else 0.0
