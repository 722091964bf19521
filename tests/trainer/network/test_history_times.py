"""The times of a history: sessions by gaps or by numbers of items, and the seconds since its first interaction."""

import numpy as np
import tensorflow as tf

from schemas.config import AttentionConfig
from schemas.features import GAP
from serving.export.feature_encoding import FeatureEncodings
from trainer.network.history_times import HistoryTimes, TimeRule

TIMES = FeatureEncodings(gap_boundaries=np.array([10.0, 100.0], np.float32), times=True)
ITEM_IDS = tf.constant([[1, 2, 3, 4]], tf.int64)


def read(attention: AttentionConfig, gaps: list[int], encodings: FeatureEncodings = TIMES) -> HistoryTimes:
    """Return the times of four items, with the codes of their gaps and of that after the last one."""
    return TimeRule.of(attention, encodings).read(ITEM_IDS, {GAP: tf.constant([gaps], tf.int64)})


def test_long_gap_starts_a_session() -> None:
    attention = AttentionConfig(kind="hierarchical", session_gap_s=100.0)

    sessions = {
        name: read(attention, gaps).sessions.numpy()[0].tolist()
        for name, gaps in {"none": [0, 1, 2, 1, 3], "one": [0, 1, 3, 1, 1], "each": [0, 3, 3, 3, 3]}.items()
    }

    assert sessions == {"none": [0, 0, 0, 0], "one": [0, 0, 1, 1], "each": [0, 1, 2, 3]}


def test_without_gaps_a_session_has_a_number_of_items() -> None:
    times = TimeRule.of(AttentionConfig(session_items=3), FeatureEncodings()).read(ITEM_IDS, {})
    assert times.sessions.numpy().tolist() == [[0, 0, 0, 1]]
    assert times.elapsed_s is None


def test_elapsed_time_adds_the_lowest_seconds_of_the_gaps() -> None:
    """The codes 1, 2 and 3 stand for gaps below 10 s, from 10 s and from 100 s; 0 is an unknown gap."""
    elapsed_s = read(AttentionConfig(), [0, 1, 2, 3, 3]).elapsed_s
    assert elapsed_s is not None
    assert elapsed_s.numpy().tolist() == [[0, 0, 10, 110]]
