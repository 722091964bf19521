"""The files of MIND, the news data set of Microsoft: impressions with item indices, and the articles' titles."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import sparse

from components.example_gen.read_impressions import read_impression_file
from schemas.config.impressions import ImpressionsConfig
from schemas.impression import IMPRESSION

# The settings that read `behaviors.tsv`.
BEHAVIORS: dict[str, Any] = {
    "delimiter": "\t",
    "quote": None,
    "column_names": ("impression", "user", "time", "history", "shown"),
    "columns": {name: name for name in ("impression", "user", "history", "shown")} | {"timestamp": "time"},
    "timestamp": {"format": "%m/%d/%Y %I:%M:%S %p"},
    "clicked_suffix": "-1",
    "not_clicked_suffix": "-0",
}

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class News(NamedTuple):
    """Articles with a title."""

    ids: list[str]
    categories: list[str]
    titles: list[str]


class Shown(NamedTuple):
    """Impressions with item indices: articles with a title come first, from 0 on."""

    users: Ints  # [impressions]
    times_s: Floats  # [impressions]
    offsets: Ints  # [impressions + 1], of the shown items
    items: Ints  # [shown]
    clicked: Mask  # [shown]
    history: sparse.csr_matrix  # [impressions, titled], how often the user had clicked each article with a title
    titled: int  # the number of articles with a title

    @property
    def impressions(self) -> Ints:
        """The impression of each shown item."""
        return np.repeat(np.arange(len(self.users)), np.diff(self.offsets))


def read_news(path: Path) -> News:
    """Return the articles of MIND's `news.tsv`, which has no header and no quoting.

    Args:
        path: the file, compressed with gzip.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return News(*(list(column) for column in zip(*((row[0], row[1], row[3]) for row in rows), strict=True)))


def read_shown(path: Path, news: News) -> Shown:
    """Return the impressions of MIND's `behaviors.tsv`.

    Args:
        path: the file.
        news: the articles with a title.

    Raises:
        ValueError: a row was rejected.
    """
    parts = list(read_impression_file(str(path), ImpressionsConfig.model_validate({"path": str(path), **BEHAVIORS})))
    rejected = sum(len(part) for _, part in parts)
    if rejected:
        raise ValueError(f"expected: impressions in {path.name}\nreceived: {rejected:,} rows that are none")
    table = pa.Table.from_batches([part for part, _ in parts], IMPRESSION).combine_chunks()
    shown, history = (table[name].chunk(0) for name in ("shown", "history"))
    known = len(news.ids)
    ids = shown.flatten().to_numpy(zero_copy_only=False), history.flatten().to_numpy(zero_copy_only=False)
    codes, names = pd.factorize(np.concatenate([np.array(news.ids, object), *ids]))
    if len(set(news.ids)) != known:
        raise ValueError("expected: each article once\nreceived: an id that is there twice")
    of_shown, of_history = np.split(codes[known:], [len(ids[0])])
    rows = np.repeat(np.arange(len(history)), history.value_lengths().to_numpy())
    clicks = sparse.csr_matrix((np.ones(len(rows)), (rows, of_history)), (len(history), len(names)))
    return Shown(
        users=pd.factorize(table["user_id"].to_numpy())[0],
        times_s=table["timestamp_s"].to_numpy(),
        offsets=np.concatenate([[0], np.cumsum(shown.value_lengths().to_numpy())]),
        items=of_shown,
        clicked=table["clicked"].chunk(0).flatten().to_numpy(zero_copy_only=False),
        history=clicks[:, :known],
        titled=known,
    )
