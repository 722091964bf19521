"""Arrow schema of impressions: lists of items that users were shown."""

import pyarrow as pa

IMPRESSION = pa.schema(
    [
        pa.field("impression_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("timestamp_s", pa.float64(), nullable=False),
        pa.field("history", pa.list_(pa.string()), nullable=False),  # items that the user had clicked, oldest first
        pa.field("shown", pa.list_(pa.string()), nullable=False),  # never empty, in the order of the log
        pa.field("clicked", pa.list_(pa.bool_()), nullable=False),  # as long as `shown`
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
    ]
)
