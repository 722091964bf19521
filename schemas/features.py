"""Names and types of the features of a history: the `tf.Example` that components exchange.

An example is one history and the interaction that followed it. In the raw
examples ids are strings. Transform turns them into integers: `PADDING_ID`,
then 1..n for the n items of the vocabulary, then n + 1 for an unknown item.

A further column has a feature of its own name, with a value for each item of
the history, and a feature named by `target_key` for the target. A category is
bytes, empty if it is missing. A number is float32, NaN if it is missing.
Transform turns these columns and the times into feature ids: integers from 1,
0 for a missing value. Feature names call them codes.

The columns of the table of users have features named by `user_key`, scalars
of the same types. Neither Transform nor a model reads them.
"""

USER_ID = "user_id"  # bytes, scalar
ITEM_IDS = "item_ids"  # bytes, [length], oldest first, never empty
TIMESTAMPS_S = "timestamps_s"  # int64, [length], Unix seconds, as long as item_ids
TARGET_ID = "target_id"  # bytes, scalar: the interaction that followed
TARGET_TIMESTAMP_S = "target_timestamp_s"  # int64, scalar
TARGET_IDS = "target_ids"  # bytes, [n]: all targets, in order of time, each once, target_id first
EXCLUDE_IDS = "exclude_ids"  # bytes, [n]: items seen before item_ids begins, which must not be recommended
SPLIT = "split"  # bytes, scalar: one of SPLITS, or REFIT
TRAIN_INTERACTIONS = (
    "train_interactions"  # int64, scalar: number of the user's interactions in training; 0 for a cold user
)

HISTORY_LENGTH = "history_length"  # in statistics of interactions and in slices; no feature of an example
QUERY_TIMESTAMPS_S = "query_timestamps_s"  # int64, [batch]: in a request, the times of the queries, in Unix seconds
FEATURE_NAMES = (
    USER_ID,
    ITEM_IDS,
    TIMESTAMPS_S,
    TARGET_ID,
    TARGET_TIMESTAMP_S,
    TARGET_IDS,
    EXCLUDE_IDS,
    SPLIT,
    TRAIN_INTERACTIONS,
    QUERY_TIMESTAMPS_S,
    "candidate_ids",
    "examples",
    "exclude",
    "k",
)

PADDING_ID = 0
VOCABULARY = "items"  # the name of Transform's vocabulary file

EVENT, VALUE = "event", "value"  # the names of these columns
UNITS, SESSION = "__units__", "__session__"  # columns of an interaction that examples do not have
GAP, HOUR, WEEKDAY = (
    "gap",
    "hour",
    "weekday",
)  # features of a time: since the previous interaction, in the day, in the week
TIME_CODES = (GAP, HOUR, WEEKDAY)
ITEM_AGE = "item_age"  # the age of a candidate at the time of the query

TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)
REFIT = "refit"  # a further split for training: all timelines, with nothing held out; it is never evaluated


def target_key(feature: str) -> str:
    """Return the name of the target's feature for a further column."""
    return f"target_{feature}"


def user_key(column: str) -> str:
    """Return the name of the feature for a column of the table of users."""
    return f"user_{column}"


def codes_key(feature: str) -> str:
    """Return the name of the feature ids of a column or time, [length + 1]: those of the history, then the target's."""
    return f"codes_{feature}"


def boundaries_key(feature: str) -> str:
    """Return the name of the bucket boundaries of a number, float32, the same in every example."""
    return f"{feature}_boundaries"
