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


def write_log(folder: Path, rows: int, files: int, seed: int = 1) -> None:
    """Write gzip-compressed CSV files with the columns user, item and time.

    Users are equally frequent, and the popularity of items follows Zipf's law with exponent 1.

    Args:
        folder: an empty folder.
        rows: the number of rows of all files.
        files: the number of files, each with as many rows.
        seed: seed of the random numbers. The same seed gives the same files.
    """
    random = np.random.default_rng(seed)
    cumulative = np.cumsum(1 / np.arange(1, ITEMS + 1))
    schema = pa.schema([("user", pa.string()), ("item", pa.string()), ("time", pa.int64())])
    count = rows // files
    for number in range(files):
        users = random.integers(max(1, rows // ROWS_PER_USER), size=count)
        items = np.searchsorted(cumulative, random.random(count) * cumulative[-1])
        times = pa.array(1_600_000_000 + 3 * (number * count + np.arange(count)))
        table = pa.table([_ids("u", users), _ids("i", items), times], schema=schema)
        with pa.CompressedOutputStream(str(folder / f"{number:03}.csv.gz"), "gzip") as file:
            csv.write_csv(table, file)


def _ids(prefix: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")
