"""A large synthetic log with dirt, in the order of time, so that a user's rows are far apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ITEMS = 50_000
ROWS_PER_USER = 20  # the mean
DIRTY = 0.01
DIRT = ("{u},{i}", '"{u},{i},{t}', "{u},\xff{i},{t}", ",{i},{t}", "{u},,{t}", "{u},{i},yesterday", "{u},{i},12")
_CHUNK_ROWS = 1_000_000
_START_S = 1_600_000_000


def write_log(folder: Path, rows: int, files: int, dirty: float, *, compressed: bool = True, seed: int = 1) -> None:
    """Write CSV files with the columns user, item and time.

    The lengths of the histories are log-normal with sigma 1, the popularity of items follows Zipf's law with
    exponent 1.

    Args:
        folder: an empty folder.
        rows: the number of rows of all files.
        files: the number of files, each with as many rows.
        dirty: the fraction of dirty rows, with each kind of `DIRT` equally often.
        compressed: whether the files are compressed with gzip.
        seed: seed of the random numbers. The same seed gives the same files.
    """
    random = np.random.default_rng(seed)
    of_items = _cumulative(1 / np.arange(1, ITEMS + 1))
    of_users = _cumulative(random.lognormal(size=max(1, rows // ROWS_PER_USER)))
    written = 0
    for number in range(files):
        with _open(folder / f"{number:03}.csv{'.gz' * compressed}") as file:
            file.write(b"user,item,time\n")
            for start in range(0, rows // files, _CHUNK_ROWS):
                count = min(_CHUNK_ROWS, rows // files - start)
                users, items = (np.searchsorted(each, random.random(count)) for each in (of_users, of_items))
                file.write(_lines(users, items, _START_S + written + np.arange(count), dirty, random))
                written += count


def _open(path: Path) -> Any:
    return pa.CompressedOutputStream(str(path), "gzip") if path.suffix == ".gz" else path.open("wb")


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
    texts = [pa.array(column).cast(pa.string()).cast(pa.binary()) for column in (users, items, times)]
    lines = pc.binary_join_element_wise(
        pc.binary_join_element_wise(b"u", texts[0], b""),
        pc.binary_join_element_wise(b"i", texts[1], b""),
        texts[2],
        b",",
    )
    dirty = np.flatnonzero(random.random(len(users)) < fraction)
    replaced = [
        DIRT[number % len(DIRT)].format(u=f"u{users[row]}", i=f"i{items[row]}", t=times[row]).encode("latin-1")
        for number, row in enumerate(dirty.tolist())
    ]
    mask = np.zeros(len(users), np.bool_)
    mask[dirty] = True
    joined = pc.replace_with_mask(lines, pa.array(mask), pa.array(replaced, pa.binary()))
    return bytes(pc.binary_join(pa.ListArray.from_arrays([0, len(joined)], joined), b"\n")[0].as_py()) + b"\n"
