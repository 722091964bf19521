"""The interaction log, and the file from which RecBole reads it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

NAME = "log"  # RecBole's name of the data set


@dataclass(frozen=True)
class Log:
    """Interactions by user.

    Args:
        users: the users' ids.
        items: the items' ids.
        histories: for each user, indices into `items`, oldest first.
    """

    users: npt.NDArray[np.object_]
    items: npt.NDArray[np.object_]
    histories: Sequence[npt.NDArray[np.int64]]


def read_log(path: Path, delimiter: str, user: str, item: str, timestamp: str) -> Log:
    """Read a text file with a header line. Ties in time are broken by input order.

    Args:
        path: the file.
        delimiter: delimiter between two fields.
        user: column with the users' ids.
        item: column with the items' ids.
        timestamp: column with the times, as numbers.

    Returns:
        The interactions by user.
    """
    columns = [user, item, timestamp]
    header = pd.read_csv(path, sep=delimiter, nrows=0).columns
    if not set(columns) <= set(header):
        remedy = "set --user, --item, --timestamp and --delimiter as in the file"
        sys.exit(f"expected: columns {columns}\nreceived: {list(header)}\nremedy:   {remedy}")
    rows = pd.read_csv(path, sep=delimiter, usecols=columns, dtype=str, keep_default_na=False)
    rows = rows.iloc[np.argsort(pd.to_numeric(rows[timestamp]).to_numpy(), kind="stable")]
    user_codes, users = pd.factorize(rows[user].to_numpy())
    item_codes, items = pd.factorize(rows[item].to_numpy())
    by_user = item_codes[np.argsort(user_codes, kind="stable")]
    return Log(users, items, np.split(by_user, np.cumsum(np.bincount(user_codes))[:-1]))


def write_atomic(log: Log, folder: Path) -> None:
    """Write RecBole's atomic file, `folder/log/log.inter`.

    Ids become indices into `log.users` and `log.items`, so that no id needs quoting.
    Times become positions in the user's history, because RecBole holds times as
    float32: neighbouring float32 seconds since 1970 are 64 or 128 s apart.

    Args:
        log: the log to write.
        folder: an existing folder.
    """
    lengths = [len(history) for history in log.histories]
    rows = pd.DataFrame(
        {
            "user_id:token": np.repeat(np.arange(len(lengths)), lengths),
            "item_id:token": np.concatenate(log.histories),
            "timestamp:float": np.concatenate([np.arange(length) for length in lengths]),
        }
    )
    (folder / NAME).mkdir()
    rows.to_csv(folder / NAME / f"{NAME}.inter", sep="\t", index=False)
