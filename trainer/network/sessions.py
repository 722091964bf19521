"""Sessions of a history, for attention that reads it session by session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import AttentionConfig
from schemas.features import GAP


@dataclass(frozen=True)
class SessionRule:
    """The rule that cuts a history into sessions: at long gaps, or after a number of items.

    Attributes:
        items: the items of a session, if gaps do not decide.
        gap_code: the lowest code of a gap that starts a session; None if the number of items decides.
    """

    items: int
    gap_code: int | None

    @classmethod
    def of(cls, attention: AttentionConfig, gap_boundaries: npt.NDArray[np.float32]) -> SessionRule:
        """Return the configured rule.

        Args:
            attention: its `session_items` and `session_gap_s`.
            gap_boundaries: float32 [n], in seconds, between the codes of gaps.
        """
        if attention.session_gap_s is None:
            return cls(attention.session_items, None)
        code = 1 + int(np.searchsorted(gap_boundaries, attention.session_gap_s, side="right"))
        return cls(attention.session_items, code)

    def indices(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Return the session of each position.

        Args:
            item_ids: int64 [batch, length].
            codes: by name, int64 [batch, length + 1]; those of gaps are read if gaps decide.

        Returns:
            int32 [batch, length], counted from 0.
        """
        if self.gap_code is not None:
            return tf.cumsum(tf.cast(codes[GAP][:, :-1] >= self.gap_code, tf.int32), axis=1)
        return tf.broadcast_to(tf.range(tf.shape(item_ids)[1]) // self.items, tf.shape(item_ids))
