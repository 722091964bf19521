"""Arrow schemas of raw, accepted and rejected rows of a log."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.config.log import Feature

# A source yields the columns of the log as strings, and where each row came
# from. A row that could not be split into fields has its reason in ERROR, and
# null in every column of the log. RAW is the row's bytes, which may have its line
# end, so that a source can refer to the bytes that it read instead of copying them.
# A row of a format without lines has a JSON object of its texts there.
FILE = "__file__"
LINE = "__line__"
RAW = "__raw__"
ERROR = "__error__"
NO_LINE = 0  # LINE of the rows of a table, which have no order
PROVENANCE = [
    pa.field(FILE, pa.dictionary(pa.int32(), pa.string()), nullable=False),
    pa.field(LINE, pa.int64(), nullable=False),
    pa.field(RAW, pa.binary(), nullable=False),
    pa.field(ERROR, pa.string()),
]

_INTERACTION = [
    pa.field("user_id", pa.string(), nullable=False),
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("timestamp_s", pa.float64(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
]

# The field `raw` is RAW.
REJECTED = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
    ]
)


def interaction_schema(features: Sequence[Feature]) -> pa.Schema:
    """Return the schema of interactions.

    Args:
        features: the further columns of the log. A missing category is "", a missing number NaN.

    Returns:
        The columns of every interaction, then a column for each feature, none of them nullable.
    """
    types = {"category": pa.string(), "number": pa.float64()}
    return pa.schema(
        _INTERACTION + [pa.field(feature.name, types[feature.kind], nullable=False) for feature in features]
    )


def raw_schema(columns: list[str]) -> pa.Schema:
    """Return the schema of a source's record batches.

    Args:
        columns: names of the columns of the log.

    Returns:
        The columns as strings, then the columns of `PROVENANCE`.
    """
    return pa.schema([pa.field(name, pa.string()) for name in columns] + PROVENANCE)
