"""A large synthetic log with dirt, in the order of time, so that a user's rows are far apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ITEMS = 50_000
ROWS_PER_USER = 20  # the mean
DIRTY = 0.01
DIRT = ("{u},{i}", '"{u},{i},{t}', "{u},\xff{i},{t}", ",{i},{t}", "{u},,{t}", "{u},{i},yesterday", "{u},{i},12")
_CHUNK_ROWS = 1_000_000
_START_S = 1_600_000_000
Ending = Literal["csv.gz", "csv", "parquet"]
_SCHEMA = pa.schema({"user": pa.string(), "item": pa.string(), "time": pa.int64()})


def write_log(
    folder: Path,
    rows: int,
    files: int,
    dirty: float,
    *,
    ending: Ending = "csv.gz",
    seed: int = 1,
) -> None:
    """Write files with the columns user, item and time.

    The lengths of the histories are log-normal with sigma 1, the popularity of items follows Zipf's law with
    exponent 1.

    Args:
        folder: an empty folder.
        rows: the number of rows of all files.
        files: the number of files, each with as many rows.
        dirty: the fraction of dirty rows, with each kind of `DIRT` equally often. Parquet, whose columns have types,
            holds those kinds that it can: no user, no item, a time outside the range.
        ending: the format. `csv.gz` is compressed with gzip, Parquet as pyarrow does by default.
        seed: seed of the random numbers. The same seed gives the same files.
    """
    random = np.random.default_rng(seed)
    of_items = _cumulative(1 / np.arange(1, ITEMS + 1))
    of_users = _cumulative(random.lognormal(size=max(1, rows // ROWS_PER_USER)))
    written = 0
    for number in range(files):
        with _open(folder / f"{number:03}.{ending}", ending) as file:
            for start in range(0, rows // files, _CHUNK_ROWS):
                count = min(_CHUNK_ROWS, rows // files - start)
                users, items = (np.searchsorted(each, random.random(count)) for each in (of_users, of_items))
                times = _START_S + written + np.arange(count)
                if ending == "parquet":
                    file.write_table(_table(users, items, times, dirty, random))
                else:
                    file.write(_lines(users, items, times, dirty, random))
                written += count


def _open(path: Path, ending: str) -> Any:
    if ending == "parquet":
        return pq.ParquetWriter(path, _SCHEMA)
    file = pa.CompressedOutputStream(str(path), "gzip") if ending == "csv.gz" else path.open("wb")
    file.write(b"user,item,time\n")
    return file


def _cumulative(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.cumsum(weights)
    return np.asarray(sums / sums[-1])


def _lines(
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    fraction: float,
    random: np.random.Generator,
) -> bytes:
    texts = [_ids(b"u", users), _ids(b"i", items), pa.array(times).cast(pa.string()).cast(pa.binary())]
    lines = pc.binary_join_element_wise(*texts, b",")
    dirty = np.flatnonzero(random.random(len(users)) < fraction)
    replaced = [
        DIRT[number % len(DIRT)].format(u=f"u{users[row]}", i=f"i{items[row]}", t=times[row]).encode("latin-1")
        for number, row in enumerate(dirty.tolist())
    ]
    mask = np.zeros(len(users), np.bool_)
    mask[dirty] = True
    joined = pc.replace_with_mask(lines, pa.array(mask), pa.array(replaced, pa.binary()))
    return bytes(pc.binary_join(pa.ListArray.from_arrays([0, len(joined)], joined), b"\n")[0].as_py()) + b"\n"


def _table(
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    fraction: float,
    random: np.random.Generator,
) -> pa.Table:
    kind = np.where(random.random(len(users)) < fraction, np.arange(len(users)) % 3, -1)
    ids = [
        pc.if_else(pa.array(kind == number), None, _ids(prefix, column).cast(pa.string()))
        for number, (prefix, column) in enumerate(((b"u", users), (b"i", items)))
    ]
    return pa.table([*ids, pa.array(np.where(kind == 2, 12, times))], _SCHEMA)


def _ids(prefix: bytes, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()).cast(pa.binary()), b"")
