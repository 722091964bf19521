"""Expired items in an evaluation."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.evaluator.expiry import Expiry, read_expiry
from components.evaluator.query_metrics import TARGETS, TIME_S
from components.evaluator.query_results import Results
from components.evaluator.systems import load_model
from tests.serving.export.test_lifetimes import LIFE, PUBLISHED, Mortal
from tests.serving.successor import write_model

ITEMS = np.array(["a", "b", "c"], dtype=object)
EXPIRY = Expiry(np.array([30, 10, 20]))


def test_expired_items_are_those_whose_time_has_come() -> None:
    found = [{*ITEMS[indices]} for indices in EXPIRY.expired(np.array([9, 10, 25, 30]))]
    assert found == [set(), {"b"}, {"b", "c"}, {"a", "b", "c"}]


def test_count_of_expired_targets_has_each_target_of_a_query() -> None:
    queries = {TIME_S: [5, 20, 35], TARGETS: [["a", "b"], ["c", "a", "b"], ["unknown", "a"]]}
    assert EXPIRY.count_targets(Results(pa.table(queries)), ITEMS) == 0 + 2 + 1


def test_expiry_is_read_from_a_saved_model(tmp_path: Path) -> None:
    mortal = write_model(tmp_path / "mortal", Mortal(False, list(PUBLISHED.values()), LIFE))
    expiry = read_expiry(load_model(str(mortal)), ITEMS)
    assert expiry is not None
    assert [indices.tolist() for indices in expiry.expired(np.array([1_100, 1_250]))] == [[0], [0, 1]]
    assert read_expiry(load_model(str(write_model(tmp_path / "immortal"))), ITEMS) is None
