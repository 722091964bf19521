"""Build the columns of leave-one-out examples with Polars, in memory, and write them as Parquet.

    DIR/bin/python benchmarks/data/in_polars/measure.py LOG OUTPUT

Polars writes no TFRecords, so this is the limit that one process in memory sets, and not the same work.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import polars as pl

MAX_LENGTH = 50


def main(log: str, output: str) -> None:
    """Read, sort, group, write, and print time and memory."""
    started = time.perf_counter()
    rows = (
        pl.concat(
            [
                pl.read_csv(
                    path, infer_schema=False, truncate_ragged_lines=True, quote_char=None, encoding="utf8-lossy"
                )
                for path in sorted(Path(log).iterdir())
            ]
        )
        .with_columns(pl.col("time").cast(pl.Int64, strict=False))
        .filter(
            ~pl.col("user").str.contains('"|\ufffd') & (pl.col("user") != ""),
            ~pl.col("item").str.contains("\ufffd") & (pl.col("item") != ""),
            pl.col("time") > 315_532_800,
        )
        .sort(["user", "time"], maintain_order=True)
    )
    users = rows.group_by("user", maintain_order=True).agg(pl.col("item"), pl.col("time"))
    for name, dropped in (("train", 3), ("eval", 2), ("test", 1)):
        length = pl.col("item").list.len() - dropped
        kept = users.filter(pl.col("item").list.len() > dropped)
        start = pl.max_horizontal(length.cast(pl.Int64) - MAX_LENGTH, pl.lit(0))
        kept.select(
            "user",
            pl.col("item").list.slice(start, length - start).alias("items"),
            pl.col("time").list.slice(start, length - start).alias("times"),
            pl.col("item").list.get(length).alias("target"),
            pl.col("time").list.get(length).alias("target_time"),
        ).write_parquet(Path(output) / f"{name}.parquet")
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(*sys.argv[1:])
