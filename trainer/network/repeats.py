"""Features of candidates that a user has had before, for logs whose items are consumed again."""

from __future__ import annotations

import tensorflow as tf

from schemas.features import PADDING_ID

REPEAT_FEATURES = ("repeats", "last_repeat")


def repeat_features(item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
    """Return how often each candidate is in a history, and how near its end.

    Counts over all users do not tell a user's own habits. Recency is the strongest predictor of what is consumed
    again (Anderson et al. 2014, "The dynamics of repeat consumption").

    Args:
        item_ids: int64 [batch, length], padded on the right with 0.
        candidate_ids: int64 [batch, c]; 0 for no candidate.

    Returns:
        float32 [batch, c, 2]: log(1 + n) of a candidate that is n times in the history, and 1 / p of one that is p
        positions from the end for the last time, 1 for the last item; 0 of a candidate that is not there.

    Example:
        >>> features = repeat_features(tf.constant([[5, 7, 5, 9]], tf.int64), tf.constant([[5, 9, 8]], tf.int64))
        >>> features.numpy().round(2)
        array([[[1.1 , 0.5 ],
                [0.69, 1.  ],
                [0.  , 0.  ]]], dtype=float32)
    """
    length = tf.shape(item_ids, tf.int64)[1]
    known = tf.reduce_sum(tf.cast(item_ids != PADDING_ID, tf.int64), axis=1, keepdims=True)
    # The repeats of an item are neighbours in the order of item and position. A search finds the first and the last of
    # them, without a comparison of every candidate with every position.
    keys = tf.sort(item_ids * length + tf.range(length), axis=1)
    first, after = (tf.searchsorted(keys, (candidate_ids + more) * length) for more in (0, 1))
    count = tf.where(candidate_ids == PADDING_ID, 0, after - first)
    last = tf.gather(keys, tf.maximum(after - 1, 0), batch_dims=1) % length
    recency = tf.where(count > 0, 1.0 / tf.cast(tf.maximum(known - last, 1), tf.float32), 0.0)
    return tf.stack([tf.math.log1p(tf.cast(count, tf.float32)), recency], axis=-1)
