"""Metrics of a classifier, against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics.classification import class_metrics, confusion_matrix, macro_f1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_metrics_equal_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    classes, predicted = np.array(pairs).T

    matrix = confusion_matrix(classes, predicted, 5)
    found = class_metrics(matrix, list("abcde"))

    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(classes, predicted, labels=range(5)))
    expected = sklearn.metrics.classification_report(classes, predicted, output_dict=True, zero_division=0)
    assert [each.name for each in found] == ["abcde"[label] for label in sorted({*classes, *predicted})]
    for each in found:
        of_class = expected[str("abcde".index(each.name))]
        assert each[1:4] == pytest.approx([of_class[name] for name in ("precision", "recall", "f1-score")])
        assert each.support == of_class["support"]
    assert macro_f1(found) == pytest.approx(expected["macro avg"]["f1-score"])


def test_no_class_has_no_metrics() -> None:
    assert macro_f1(class_metrics(np.zeros([2, 2], np.int64), ["a", "b"])) == 0.0
