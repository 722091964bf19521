"""When each item was published: its age at the time of a query, and whether it has expired then."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import ITEM_AGE, PADDING_ID
from serving.export.per_item import per_item_variable

NEVER = tf.int64.max  # the time at which an item without a time of publication expires
UNPUBLISHED = 0  # the time of publication of an item without one; tables of items have none before 1980

_DAY_S = 86_400


class ItemLifetimes(tf.Module):
    """The lives of items, from their publication on.

    Args:
        published_s: int64 [items], seconds since 1970, `UNPUBLISHED` if missing. It may be empty if nothing below
            reads it.
        expire_after_s: seconds from an item's publication until it must not be recommended; None for no end.
        ages: whether the re-ranking reads the ages of candidates.

    Example:
        >>> lives = ItemLifetimes(np.array([1_000, 0], np.int64), expire_after_s=60)
        >>> lives.expired(tf.constant([1_059, 1_060], tf.int64)).numpy()
        array([[False, False],
               [ True, False]])
    """

    def __init__(
        self,
        published_s: npt.NDArray[np.int64] = np.zeros(0, np.int64),  # noqa: B008 - it never changes
        expire_after_s: int | None = None,
        ages: bool = False,
    ) -> None:
        super().__init__()
        self.expire_after_s = expire_after_s
        self.feature_names = (ITEM_AGE,) if ages else ()
        self.reads_now = ages or expire_after_s is not None
        if self.reads_now:
            known = published_s[published_s != UNPUBLISHED]
            self._oldest = tf.constant(known.min() if len(known) else UNPUBLISHED, tf.int64)
            self._published = per_item_variable(published_s, "published", "published")  # [items]

    def features(self, ids: tf.Tensor, now_s: tf.Tensor) -> tf.Tensor:
        """Return the features of candidates by age: the logarithm of 1 plus the days since publication.

        Attention to news stories falls as a power of their age rather than by a fixed rate (Dezso et al. 2006,
        "Dynamics of information access on the web"). A weight of the logarithm is the exponent of that power. A
        candidate without a time of publication is as old as the oldest item. One from the future has age 0.

        Args:
            ids: int64 [batch, c].
            now_s: int64 [batch], the times of the queries.

        Returns:
            float32 [batch, c, 1]; [batch, c, 0] if the re-ranking reads no ages.
        """
        if not self.feature_names:
            return tf.zeros([*tf.unstack(tf.shape(ids)), 0])
        published = self._published_s(ids)
        published = tf.where(published == UNPUBLISHED, self._oldest, published)
        age_s = tf.cast(tf.maximum(now_s[:, tf.newaxis] - published, 0), tf.float32)
        return tf.math.log1p(age_s / _DAY_S)[..., tf.newaxis]

    def expired(self, now_s: tf.Tensor) -> tf.Tensor | None:
        """Return whether each item has expired, bool [batch, items]; None if items do not expire.

        Args:
            now_s: int64 [batch], the times of the queries.
        """
        if self.expire_after_s is None:
            return None
        return self._expires_s(self._published)[tf.newaxis] <= now_s[:, tf.newaxis]

    def without_expired(self, ids: tf.Tensor, now_s: tf.Tensor) -> tf.Tensor:
        """Return candidates, with 0 in place of expired ones.

        Args:
            ids: int64 [batch, n].
            now_s: int64 [batch], the times of the queries.

        Returns:
            int64 [batch, n].
        """
        if self.expire_after_s is None:
            return ids
        return tf.where(self.expires_s(ids) <= now_s[:, tf.newaxis], tf.zeros_like(ids), ids)

    def expires_s(self, ids: tf.Tensor) -> tf.Tensor:
        """Return the times at which items expire.

        Args:
            ids: int64 [...]; 0 for no item.

        Returns:
            int64 [...]; `NEVER` for an item without a time of publication, and for no item.
        """
        return tf.where(ids == PADDING_ID, NEVER, self._expires_s(self._published_s(ids)))

    def _published_s(self, ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._published, tf.maximum(ids - 1, 0))

    def _expires_s(self, published_s: Any) -> tf.Tensor:
        return tf.where(published_s == UNPUBLISHED, NEVER, published_s + self.expire_after_s)


def query_times(asked_s: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    """Return the times of queries: those of the request, and the clock of the server where it has none.

    Args:
        asked_s: int64 [batch] or [1], seconds since 1970; 0 for no time.
        batch: the number of queries.

    Returns:
        int64 [batch].
    """
    # A training process makes operations deterministic, and then no step may read the clock. Examples have times.
    clock_s = tf.cond(
        tf.reduce_all(asked_s > 0), lambda: tf.zeros([], tf.int64), lambda: tf.cast(tf.timestamp(), tf.int64)
    )
    return tf.broadcast_to(tf.where(asked_s > 0, asked_s, clock_s), [batch])
