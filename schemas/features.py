"""Names and kinds of the features of a history, the `tf.Example` between the components.

One example is one history and the interaction that followed it. In the raw
examples ids are strings; Transform turns them into integers: `PADDING_ID`,
then 1..n for the n items of the vocabulary, then n + 1 for an unknown item.

A further column has a feature of its own name, with a value for each item of
the history, and one named by `target_key` for the target: bytes, empty where
there is none, or float32, NaN where there is none. Transform turns these, and
the times, into codes: whole numbers from 1, 0 for none.

What the table of users knows of the user has features named by `user_key`,
scalars, likewise. Neither Transform nor a model reads them.
"""

USER_ID = "user_id"  # bytes, scalar
ITEM_IDS = "item_ids"  # bytes, [length], oldest first, never empty
TIMESTAMPS_S = "timestamps_s"  # int64, [length], unix seconds, as long as item_ids
TARGET_ID = "target_id"  # bytes, scalar: the interaction that followed
TARGET_TIMESTAMP_S = "target_timestamp_s"  # int64, scalar
TARGET_IDS = "target_ids"  # bytes, [n]: all that is to be found, in order of time, each once, target_id first
EXCLUDE_IDS = "exclude_ids"  # bytes, [n]: seen before item_ids begins, so not to be recommended
SPLIT = "split"  # bytes, scalar: one of SPLITS
TRAIN_INTERACTIONS = "train_interactions"  # int64, scalar: how many of the user's are trained on; 0 for a cold user

QUERY_TIMESTAMPS_S = "query_timestamps_s"  # of a request, int64, [batch]: the moments for which is recommended
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
GAP, HOUR, WEEKDAY = "gap", "hour", "weekday"  # codes of a time: since the interaction before, and of the day and week
TIME_CODES = (GAP, HOUR, WEEKDAY)

TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)


def target_key(feature: str) -> str:
    """The name of a further column's value of the target."""
    return f"target_{feature}"


def user_key(column: str) -> str:
    """The name of a column of the table of users."""
    return f"user_{column}"


def codes_key(feature: str) -> str:
    """The name of the codes of a column or time, [length + 1]: of the history, and of the target."""
    return f"codes_{feature}"


def boundaries_key(feature: str) -> str:
    """The name of the numbers at which one bucket ends and the next begins, float32, the same in every example."""
    return f"{feature}_boundaries"


def ragged_key(feature: str) -> str:
    """The name under which Transform writes the values of a feature of varying length."""
    return f"{feature}$ragged_values"
