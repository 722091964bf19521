"""Distances, compared with TFDV's, and the distances that chance reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow_data_validation as tfdv
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validator.comparison import to_statistics
from components.data_validator.thresholds import Resamples, jensen_shannon, l_infinity

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


def in_tfdv(first: Any, second: Any) -> dict[str, float]:
    schema = schema_pb2.Schema()
    comparator = schema.feature.add(name="f", type=schema_pb2.BYTES).drift_comparator
    comparator.infinity_norm.threshold = comparator.jensen_shannon_divergence.threshold = 0.5
    statistics = [to_statistics("", [("f", list("abcd"), counts)]) for counts in (first, second)]
    anomalies = tfdv.validate_statistics(statistics[1], schema, previous_statistics=statistics[0])
    (info,) = anomalies.drift_skew_info
    return {
        measured.DESCRIPTOR.enum_types[0].values_by_number[measured.type].name: measured.value
        for measured in info.drift_measurements
    }


@given(COUNTS, COUNTS)
def test_distances_are_those_of_tfdv(first: list[int], second: list[int]) -> None:
    before, after = np.array(first), np.array(second)
    expected = in_tfdv(before, after)
    assert l_infinity(before, after) == pytest.approx(expected["L_INFTY"], abs=1e-9)
    assert jensen_shannon(before, after) == pytest.approx(expected["JENSEN_SHANNON_DIVERGENCE"], abs=1e-9)


def test_threshold_of_independent_rows_is_that_of_two_proportions() -> None:
    """Each user has one row. The difference of two proportions of 400 and 100 rows is about normal."""
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0]], [300, 700], axis=0)
    threshold = Resamples(1_000, 400, 100).threshold(sp.csr_matrix(rows), 100, l_infinity, 0.05)
    assert threshold == pytest.approx(1.96 * np.sqrt(0.3 * 0.7 * (1 / 400 + 1 / 100)), rel=0.1)


def test_threshold_of_users_with_rows_that_agree_is_wider() -> None:
    """With ten equal rows for each user, 4,000 rows are as uncertain as 400."""
    rows = np.repeat([[10.0, 0.0], [0.0, 10.0]], [300, 700], axis=0)
    threshold = Resamples(1_000, 400, 100).threshold(sp.csr_matrix(rows), 1_000, l_infinity, 0.05)
    assert threshold == pytest.approx(1.96 * np.sqrt(0.3 * 0.7 * (1 / 400 + 1 / 100)), rel=0.1)


def test_threshold_of_few_rows_of_each_user_is_that_of_the_rows() -> None:
    """Each user has 100 rows, 30 of one value, so that users are similar. Of the second sample 50 rows are logged."""
    rows = np.tile([[30.0, 70.0]], (1_000, 1))
    threshold = Resamples(1_000, 1_000, 1_000).threshold(sp.csr_matrix(rows), 50, l_infinity, 0.05)
    assert threshold == pytest.approx(1.96 * np.sqrt(0.3 * 0.7 / 50), rel=0.1)
