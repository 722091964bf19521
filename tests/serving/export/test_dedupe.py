import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.export.dedupe import dedupe

Rows = list[list[int]]


def test_dedupe_keeps_the_first_of_equal_ids_and_removes_excluded_ids() -> None:
    found = dedupe(
        tf.constant([[5, 3, 5, 0, 3, 9], [1, 2, 3, 4, 5, 6]], tf.int64), tf.constant([[9, 0], [2, 2]], tf.int64)
    )
    assert found.numpy().tolist() == [[5, 3, 0, 0, 0, 0], [1, 0, 3, 4, 5, 6]]


def test_dedupe_empty_ids_or_exclusions_are_accepted() -> None:
    none = tf.zeros([2, 0], tf.int64)
    assert dedupe(none, none).shape == (2, 0)
    assert dedupe(tf.constant([[7, 7]], tf.int64), none[:1]).numpy().tolist() == [[7, 0]]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 6), max_size=12), st.lists(st.integers(0, 6), max_size=4))
def test_dedupe_keeps_every_id_once_in_its_position(ids: list[int], excluded: list[int]) -> None:
    found = dedupe(tf.constant([ids], tf.int64, [1, len(ids)]), tf.constant([excluded], tf.int64, [1, len(excluded)]))
    kept: list[int] = []
    for item in ids:
        kept.append(item if item not in {*kept, *excluded} else 0)
    np.testing.assert_array_equal(found[0], kept)
