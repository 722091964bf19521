from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.features import EXCLUDE_IDS, ITEM_IDS, QUERY_TIMESTAMPS_S, TARGET_ID, TARGET_TIMESTAMP_S
from tests.trainer.examples import Example, read, write_examples
from trainer.data.batches import NEXT_IDS, eval_batches, train_batches
from trainer.data.training_set_stats import scan_training_set

UNKNOWN = 10  # there are nine items

Batch = dict[str, npt.NDArray[np.int64]]


def train(path: str, max_length: int = 8, batch_size: int = 2, seed: int = 1) -> tf.data.Dataset:
    return train_batches(read(path), 9, max_length, batch_size, seed)


def windows(batches: list[Batch]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the inputs and targets of each row, without padding, in the order of the batches."""
    return [
        (tuple(inputs[inputs > 0].tolist()), tuple(targets[targets > 0].tolist()))
        for batch in batches
        for inputs, targets in zip(batch[ITEM_IDS], batch[NEXT_IDS], strict=True)
    ]


def test_train_batches_have_the_next_item_as_target_of_each_position(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "a.gz", [([1, 2, 3], 4, [9]), ([5], 6, [])])
    batches = list(train(path).as_numpy_iterator())
    assert sorted(windows(batches)) == [((1, 2, 3), (2, 3, 4)), ((5,), (6,))]
    assert all(batch[ITEM_IDS].dtype == np.int64 for batch in batches)


def test_train_batches_drop_unknown_items_and_windows_without_target(tmp_path: Path) -> None:
    examples: list[Example] = [
        ([1, UNKNOWN, 2], 3, []),
        ([4, 5], UNKNOWN, []),
        ([6], UNKNOWN, []),
        ([UNKNOWN], 7, []),
    ]
    batches = list(train(write_examples(tmp_path / "a.gz", examples)).as_numpy_iterator())
    assert sorted(windows(batches)) == [((1, 2), (2, 3)), ((4,), (5,))]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(1, 9), min_size=2, max_size=9), min_size=1, max_size=20),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_epoch_has_every_window_once(tmp_path: Path, sequences: list[list[int]], size: int, seed: int) -> None:
    path = write_examples(tmp_path / "a.gz", [(sequence[:-1], sequence[-1], []) for sequence in sequences])
    batches = list(train(path, batch_size=size, seed=seed).as_numpy_iterator())
    assert sorted(windows(batches)) == sorted((tuple(s[:-1]), tuple(s[1:])) for s in sequences)
    for batch in batches:
        assert ((batch[ITEM_IDS] > 0) == (batch[NEXT_IDS] > 0)).all()
        assert (np.diff((batch[ITEM_IDS] > 0).astype(int), axis=1) <= 0).all()  # padded on the right only
        assert (batch[ITEM_IDS][:, -1] > 0).any()  # and no wider than the longest


def test_windows_of_similar_length_share_batches_with_equal_numbers_of_targets(tmp_path: Path) -> None:
    """Buckets up to 1, 2, 4, 8, 12 and 16 long: 2 windows of length 16 are 32 targets, as are 8 of length 4."""
    examples: list[Example] = [([1] * length, 1, []) for length in (16, 2, 4, 8) for _ in range(9)]
    batches = list(train(write_examples(tmp_path / "a.gz", examples), max_length=16).as_numpy_iterator())
    shapes = [batch[ITEM_IDS].shape for batch in batches]
    assert sorted(shapes) == sorted([(2, 16)] * 4 + [(1, 16)] + [(4, 8)] * 2 + [(1, 8), (8, 4), (1, 4), (9, 2)])
    assert all((batch[ITEM_IDS] > 0).all() for batch in batches)
    assert scan_training_set(read(str(tmp_path / "a.gz")), 9, 16, 2).steps == len(batches)


def test_train_batches_order_differs_between_epochs_and_is_fixed_by_the_seed(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "a.gz", [([1 + i % 9, 1 + i // 9], 1, []) for i in range(40)])

    def epochs(seed: int) -> list[list[tuple[tuple[int, ...], tuple[int, ...]]]]:
        batches = train(path, seed=seed)
        return [windows(list(batches.as_numpy_iterator())) for _ in range(3)]

    first = epochs(1)
    assert first == epochs(1)
    assert first != epochs(2)
    assert first[0] != first[1] != first[2]
    assert sorted(first[0]) == sorted(first[1])


def test_eval_batches_keep_every_example_in_order(tmp_path: Path) -> None:
    path = write_examples(
        tmp_path / "a.gz",
        [([1, UNKNOWN, 2], 3, [4, 5]), ([UNKNOWN], 6, [UNKNOWN, 7]), ([8], UNKNOWN, []), ([9, 1, 2], 3, [])],
    )
    batches = list(eval_batches(read(path), 9, 3).as_numpy_iterator())
    assert batches[0][ITEM_IDS].tolist() == [[1, 2], [0, 0], [8, 0]]
    assert batches[0][EXCLUDE_IDS].tolist() == [[4, 5], [7, 0], [0, 0]]
    assert batches[0][TARGET_ID].tolist() == [3, 6, UNKNOWN]
    assert batches[1][ITEM_IDS].tolist() == [[9, 1, 2]]
    assert batches[1][EXCLUDE_IDS].shape == (1, 0)


def test_eval_batches_have_the_times_of_their_targets_where_they_are_asked_for() -> None:
    rows = {ITEM_IDS: [[1], [2]], EXCLUDE_IDS: [[3], [4]], TARGET_ID: [5, 6], TARGET_TIMESTAMP_S: [70, 80]}
    examples = tf.data.Dataset.from_tensor_slices({name: tf.constant(of, tf.int64) for name, of in rows.items()})

    (batch,) = eval_batches(examples, 9, 2, query_times=True).as_numpy_iterator()

    assert batch[QUERY_TIMESTAMPS_S].tolist() == [70, 80]
    assert QUERY_TIMESTAMPS_S not in eval_batches(examples, 9, 2).element_spec


def test_batches_of_files_and_of_patterns_have_all_examples(tmp_path: Path) -> None:
    for name in "ab":
        write_examples(tmp_path / f"{name}.gz", [([1], 2, [])])
    for files in ([str(tmp_path / "*.gz")], [str(tmp_path / "a.gz"), str(tmp_path / "b.gz")]):
        assert sum(len(batch[TARGET_ID]) for batch in eval_batches(read(*files), 9, 8).as_numpy_iterator()) == 2


def test_batches_without_files_raise_an_error_that_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        train(str(tmp_path / "nowhere*"))
    with pytest.raises(InputError, match="empty list"):
        read()


def test_codes_of_batches_belong_to_the_inputs_and_the_last_target(tmp_path: Path) -> None:
    examples: list[Example] = [([1, UNKNOWN, 2], 3, []), ([4], 5, [])]
    path = write_examples(tmp_path / "a.gz", examples, {"event": [[5, 6, 7, 8], [9, 4]]})

    training = list(
        train_batches(read(path, columns=["event"]), 9, 8, 1, seed=1, columns=["event"]).as_numpy_iterator()
    )
    (validation,) = eval_batches(read(path, columns=["event"]), 9, 4, columns=["event"]).as_numpy_iterator()

    rows = [[code for code in row if code] for batch in training for row in batch["codes_event"].tolist()]
    assert sorted(rows) == [[5, 7, 8], [9, 4]]
    assert validation["codes_event"].tolist() == [[5, 7, 8], [9, 4, 0]]
