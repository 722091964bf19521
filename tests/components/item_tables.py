"""Tables of items in each format, and the settings that read them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from schemas.config.tables import ItemTableConfig

Row = Mapping[str, Any]  # the texts and the lists of an item; None is a missing value

LENGTH = 3
SETTINGS: dict[str, Any] = {
    "id": "sku",
    "title": "name",
    "texts": ["abstract"],
    "columns": {"genres": {"column": "genres", "separator": "|"}, "price": {"column": "price", "kind": "number"}},
    "published": "date",
    "timestamp": {"format": "iso8601"},
}
VECTORS: dict[str, Any] = {"image": {"column": "image", "length": LENGTH}}
FORMATS = ("csv", "jsonl", "parquet")
_TYPES = {"genres": pa.list_(pa.string()), "image": pa.list_(pa.float64())}


def settings(path: Path | str, kind: str, share: float = 1.0, **changed: Any) -> ItemTableConfig:
    """Return the settings of a table, with vectors in the formats that have them."""
    vectors = {} if kind == "csv" else {"vectors": VECTORS}
    return ItemTableConfig.model_validate(
        {
            "items": {"path": str(path), "format": kind, **SETTINGS, **vectors, **changed},
            "null_values": ("", "NULL"),
            "max_rejected_share": share,
            "max_rejected_share_by_reason": {},
        }
    )


def row(sku: str | None, **changed: Any) -> dict[str, Any]:
    """Return an item with a value in each column."""
    return {
        "sku": sku,
        "name": f"Title {sku}",
        "abstract": "An abstract",
        "genres": ["a", "b c"],
        "price": "1.5",
        "date": "2020-09-13T12:26:40Z",
        "image": [0.5, -0.25, 0.125],
        **changed,
    }


def write(path: Path, kind: str, rows: Sequence[Row]) -> Path:
    """Write a table without its vectors in csv, and with all columns in the other formats."""
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            names = [name for name in row("") if name != "image"]
            writer.writerow(names)
            for each in rows:
                writer.writerow(["|".join(each[name] or []) if name == "genres" else each[name] for name in names])
    elif kind == "jsonl":
        path.write_text("".join(f"{json.dumps(each)}\n" for each in rows), encoding="utf-8")
    else:
        schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in row("")])
        parquet.write_table(pa.Table.from_pylist([dict(each) for each in rows], schema=schema), path, row_group_size=7)
    return path
