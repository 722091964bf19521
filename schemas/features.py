"""Names and kinds of the features of a history, the `tf.Example` between the components.

One example is one history and the interaction that followed it. In the raw
examples ids are strings; Transform turns them into integers: `PADDING_ID`,
then 1..n for the n items of the vocabulary, then n + 1 for an unknown item.
"""

USER_ID = "user_id"  # bytes, scalar
ITEM_IDS = "item_ids"  # bytes, [length], oldest first, never empty
TIMESTAMPS_S = "timestamps_s"  # int64, [length], unix seconds, as long as item_ids
TARGET_ID = "target_id"  # bytes, scalar: the interaction that followed
TARGET_TIMESTAMP_S = "target_timestamp_s"  # int64, scalar
EXCLUDE_IDS = "exclude_ids"  # bytes, [n]: seen before item_ids begins, so not to be recommended

PADDING_ID = 0
VOCABULARY = "items"  # the name of Transform's vocabulary file

TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)


def ragged_key(feature: str) -> str:
    """The name under which Transform writes the values of a feature of varying length."""
    return f"{feature}$ragged_values"
