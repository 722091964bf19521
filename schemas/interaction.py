"""Arrow schemas of a log's rows on their way in, and the reasons for rejecting one."""

from enum import Enum

import pyarrow as pa

# What a source yields: the named columns of the log as strings, and with them
# where each row came from. A row that could not be split into fields has its
# reason in ERROR and null in every column of the log.
FILE = "__file__"
LINE = "__line__"
RAW = "__raw__"
ERROR = "__error__"
PROVENANCE = [
    pa.field(FILE, pa.string(), nullable=False),
    pa.field(LINE, pa.int64(), nullable=False),
    pa.field(RAW, pa.string(), nullable=False),
    pa.field(ERROR, pa.string()),
]

INTERACTION = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("timestamp_s", pa.float64(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
    ]
)

REJECTED = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
    ]
)


class Reason(str, Enum):
    """Why a row is not an interaction."""

    MALFORMED = "malformed"
    WRONG_FIELD_COUNT = "wrong_field_count"
    BAD_ENCODING = "bad_encoding"
    NO_USER = "no_user"
    NO_ITEM = "no_item"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    FILTERED = "filtered"


def raw_schema(columns: list[str]) -> pa.Schema:
    """The schema of a source's record batches for these columns of the log."""
    return pa.schema([pa.field(name, pa.string()) for name in columns] + PROVENANCE)
