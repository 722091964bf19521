"""Arrow schemas of impressions: lists of items that users were shown."""

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

# A row of the artifact of the component Impressions. The position of an item is its index in `shown`.
QUERIED_IMPRESSION = pa.schema(
    [
        *(field for field in IMPRESSION if field.name in ("impression_id", "user_id", "timestamp_s", "history")),
        pa.field("history_times_s", pa.list_(pa.int64()), nullable=False),  # of `history`, 0 if unknown
        *(field for field in IMPRESSION if field.name in ("shown", "clicked")),
    ]
)
IMPRESSION_REPORT_FILE = "report.json"


def impressions_file(split: str) -> str:
    """Return the name of the file with the impressions of a split.

    Args:
        split: a split of `schemas.features.SPLITS`.
    """
    return f"{split}.parquet"
