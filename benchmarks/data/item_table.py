"""Memory and time of the component ItemTable for tables of several sizes.

    python -m benchmarks.data.item_table ROWS LENGTH

writes a Parquet table with a title, an abstract, two categories, a number and, if LENGTH is above 0, a vector of this
length. It reads the table in this process, and adds a line to `benchmarks/data/item_table.jsonl`.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.provenance import circumstances
from components.example_gen.tables.item_rows import read_item_rows
from schemas.config.tables import ItemTableConfig

RESULTS = Path(__file__).with_suffix(".jsonl")
_PART = 50_000  # rows that are generated at a time
_WORDS = np.array([f"word{n}" for n in range(5_000)], dtype=object)


def main(rows: str, length: str) -> None:
    """Generate a table, read it, and record what that took.

    Args:
        rows: the number of rows.
        length: the length of the vectors; 0 for none.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/items.parquet"
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:  # its memory does not count
            text_bytes = other.submit(_generate, path, int(rows), int(length)).result()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        found = read_item_rows(_settings(path, int(length)))
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "rows": found.items.num_rows,
        "length": int(length),
        "text_bytes_per_row": round(text_bytes / int(rows)),
        "seconds": round(seconds, 1),
        "peak_mb": peak >> 10,
        "before_mb": before >> 10,
        "bytes_per_row": round(((peak - before) << 10) / int(rows)),
    }
    with RESULTS.open("a") as file:
        file.write(json.dumps({**result, **circumstances()}) + "\n")
    print(json.dumps(result))


def _generate(path: str, rows: int, length: int) -> int:
    draw, text_bytes = np.random.default_rng(1), 0
    writer: parquet.ParquetWriter | None = None
    for start in range(0, rows, _PART):
        count = min(_PART, rows - start)
        words = draw.choice(_WORDS, (count, 38))
        titles, abstracts = ([" ".join(row) for row in part] for part in (words[:, :8], words[:, 8:]))
        text_bytes += sum(map(len, titles)) + sum(map(len, abstracts))
        columns = {
            "id": [f"item{n}" for n in range(start, start + count)],
            "title": titles,
            "abstract": abstracts,
            "kinds": [row.tolist() for row in draw.choice(_WORDS[:100], (count, 2))],
            "price": draw.random(count),
        }
        if length:
            vectors = draw.random(count * length, np.float32)
            offsets = np.arange(count + 1, dtype=np.int32) * length
            columns["image"] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(vectors))
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    return text_bytes


def _settings(path: str, length: int) -> ItemTableConfig:
    vectors = {"vectors": {"image": {"column": "image", "length": length}}} if length else {}
    columns = {"kinds": {"column": "kinds"}, "price": {"column": "price", "kind": "number"}}
    return ItemTableConfig.model_validate(
        {
            "items": {
                "path": path,
                "format": "parquet",
                "id": "id",
                "title": "title",
                "texts": ["abstract"],
                "columns": columns,
                **vectors,
            },
            "null_values": [""],
            "max_rejected_share": 0.0,
            "max_rejected_share_by_reason": {},
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
