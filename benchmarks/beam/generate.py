"""A large synthetic log, in the order of time, so that a user's rows are far apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

ITEMS = 50_000
ROWS_PER_USER = 20
_AT_ONCE = 1_000_000


def write_log(path: Path, rows: int, seed: int = 1) -> None:
    """Write a gzip-compressed CSV file with the columns user, item and time.

    Users are equally frequent, and the popularity of items follows Zipf's law with exponent 1.

    Args:
        path: the file to write.
        rows: the number of rows.
        seed: seed of the random numbers. The same seed gives the same file.
    """
    random = np.random.default_rng(seed)
    cumulative = np.cumsum(1 / np.arange(1, ITEMS + 1))
    schema = pa.schema([("user", pa.string()), ("item", pa.string()), ("time", pa.int64())])
    with pa.CompressedOutputStream(str(path), "gzip") as file, csv.CSVWriter(file, schema) as writer:
        for start in range(0, rows, _AT_ONCE):
            count = min(_AT_ONCE, rows - start)
            users = random.integers(max(1, rows // ROWS_PER_USER), size=count)
            items = np.searchsorted(cumulative, random.random(count) * cumulative[-1])
            columns = [
                _ids("u", users),
                _ids("i", items),
                pa.array(1_600_000_000 + 3 * np.arange(start, start + count)),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def _ids(prefix: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")
