from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer.examples import Example, read, write_examples
from trainer.data.batches import train_batches
from trainer.data.training_set_stats import scan_training_set

UNKNOWN = 10  # there are nine items


def test_target_fractions_count_each_target_once(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "a.gz", [([1, 2, 2], 9, []), ([1], 2, []), ([3], UNKNOWN, [])])
    found = scan_training_set(read(path), 9, 4, 1)
    np.testing.assert_allclose(found.target_fractions, [0, 3 / 4, 0, 0, 0, 0, 0, 0, 1 / 4])
    assert found.steps == 2
    assert found.targets_per_item == 4 / 2  # the items 2 and 9
    empty = scan_training_set(read(write_examples(tmp_path / "empty.gz", [])), 9, 4, 1)
    assert empty.steps == 0
    assert (empty.target_fractions == 0).all()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 9), st.integers(1, 4))
def test_steps_equal_the_batches_of_an_epoch(tmp_path: Path, lengths: list[int], longest: int, size: int) -> None:
    examples: list[Example] = [([1] * min(length, longest), 1, []) for length in lengths]
    path = write_examples(tmp_path / "a.gz", examples)
    batches = train_batches(read(path), 9, longest, size, 1)
    assert scan_training_set(read(path), 9, longest, size).steps == sum(1 for _ in batches)


def test_item_codes_are_the_last_ones_of_each_item(tmp_path: Path) -> None:
    examples: list[Example] = [([1, 2], 3, []), ([2], 3, [])]
    path = write_examples(tmp_path / "a.gz", examples, {"genre": [[4, 5, 6], [5, 7]]})

    found = scan_training_set(read(path, columns=["genre"]), 4, 8, 1, ["genre"]).item_codes["genre"].tolist()

    assert found == [0, 4, 5, 7, 0]
