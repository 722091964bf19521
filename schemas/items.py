"""The schema of the items in the artifact of the component ItemTable."""

from __future__ import annotations

import pyarrow as pa

from schemas.config.tables import PUBLISHED, ItemsTableConfig

ITEM_TABLE_FILE = "items.parquet"
ITEM_SETTINGS_FILE = "settings.json"
ITEM_REPORT_FILE = "report.json"
ROLE, LENGTH = b"role", b"length"  # keys of a field's metadata
TEXT, CATEGORY, NUMBER, TIME, VECTOR = b"text", b"category", b"number", b"time", b"vector"  # values of ROLE


def item_schema(items: ItemsTableConfig) -> pa.Schema:
    """Return the schema of the items: the id, then the title, texts, categories and numbers, time and vectors.

    Only `id` is never null. A missing category is an empty list, any other missing value is null. The metadata of each
    further field has its role, so that the file can be read without the configuration. Offsets have 64 bits, because
    the texts or vectors of a large table have more than 2 GiB.

    Args:
        items: the configuration of the table.

    Example:
        >>> table = ItemsTableConfig(path="items.csv", id="sku", title="name", texts=("abstract",))
        >>> item_schema(table).names
        ['id', 'title', 'abstract']
    """
    text, categories, vector = pa.large_string(), pa.large_list(pa.large_string()), pa.large_list(pa.float32())
    fields = [pa.field("id", text, nullable=False)]
    fields += [pa.field(name, text, metadata={ROLE: TEXT}) for name in ("title", *items.texts)]
    for name, column in items.columns.items():
        if column.kind == "category":
            fields.append(pa.field(name, categories, nullable=False, metadata={ROLE: CATEGORY}))
        else:
            fields.append(pa.field(name, pa.float64(), metadata={ROLE: NUMBER}))
    if items.published:
        fields.append(pa.field(PUBLISHED, pa.float64(), metadata={ROLE: TIME}))
    for name, each in items.vectors.items():
        fields.append(pa.field(name, vector, metadata={ROLE: VECTOR, LENGTH: str(each.length).encode()}))
    return pa.schema(fields)
