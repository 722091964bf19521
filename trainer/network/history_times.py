"""The times of a history, as attention reads them: its sessions, and the time between two interactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import AttentionConfig
from schemas.features import GAP
from serving.export.feature_encoding import FeatureEncodings


class HistoryTimes(NamedTuple):
    """The times of histories that are padded on the right."""

    sessions: tf.Tensor  # int [batch, length], the session of each position, counted from 0
    elapsed_s: tf.Tensor | None = None  # float32 [batch, length], since the first interaction; None if it is unknown


@dataclass(frozen=True)
class TimeRule:
    """The rule that reads the times of a history: from the codes of its gaps, or from positions alone.

    Attributes:
        items: the items of a session, if gaps do not decide.
        gap_code: the lowest code of a gap that starts a session; None if the number of items decides.
        gaps_s: float32 [codes], the seconds of a gap by its code: the lowest of its bucket. None without times.
    """

    items: int
    gap_code: int | None
    gaps_s: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, attention: AttentionConfig, encodings: FeatureEncodings) -> TimeRule:
        """Return the configured rule.

        Args:
            attention: its `session_items` and `session_gap_s`.
            encodings: the boundaries between the codes of gaps, and whether the model reads times.
        """
        boundaries = encodings.gap_boundaries
        gaps_s = np.concatenate([np.zeros(2, np.float32), boundaries]) if encodings.times else None
        if attention.session_gap_s is None:
            return cls(attention.session_items, None, gaps_s)
        code = 1 + int(np.searchsorted(boundaries, attention.session_gap_s, side="right"))
        return cls(attention.session_items, code, gaps_s)

    def read(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> HistoryTimes:
        """Return the times of histories.

        Args:
            item_ids: int64 [batch, length].
            codes: by name, int64 [batch, length + 1]; those of gaps are read if the model reads times.

        Returns:
            The session of each position, and the seconds since the first one.
        """
        elapsed_s = None
        if self.gaps_s is not None:
            elapsed_s = tf.cumsum(tf.gather(tf.constant(self.gaps_s), codes[GAP][:, :-1]), axis=1)
        if self.gap_code is not None:
            sessions = tf.cumsum(tf.cast(codes[GAP][:, :-1] >= self.gap_code, tf.int32), axis=1)
        else:
            sessions = tf.broadcast_to(tf.range(tf.shape(item_ids)[1]) // self.items, tf.shape(item_ids))
        return HistoryTimes(sessions, elapsed_s)
