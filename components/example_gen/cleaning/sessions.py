"""Sessions that the log names in a column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.example_gen.interactions.ragged import Ints
from components.example_gen.interactions.timelines import Timelines
from schemas.config import SessionSplitConfig, SplitConfig
from schemas.features import SESSION


def take_sessions(timelines: Timelines, split: SplitConfig) -> tuple[Timelines, Ints | None]:
    """Return timelines without the column of sessions, in the order that the split needs.

    Args:
        timelines: the interactions of some users, by time.
        split: the protocol.

    Returns:
        The timelines, and a number for the session of each interaction. If the split has no sessions, or the log no
        column of them, the order is the same, and None takes the place of the numbers. Otherwise the interactions of
        a user's session follow each other by time. The sessions are in the order of their first interactions.
    """
    column = timelines.further.get(SESSION)
    further = {name: values for name, values in timelines.further.items() if name != SESSION}
    timelines = replace(timelines, further=further)
    if column is None or not isinstance(split, SessionSplitConfig):
        return timelines, None
    names = column.dictionary_encode()
    sessions = timelines.users * (len(names.dictionary) + 1) + names.indices.to_numpy()
    _, first, number = np.unique(sessions, return_index=True, return_inverse=True)
    order = np.argsort(first[number], kind="stable")
    ordered = replace(
        timelines,
        items=timelines.items[order],
        timestamps_s=timelines.timestamps_s[order],
        further={name: values.take(pa.array(order)) for name, values in further.items()},
    )
    return ordered, first[number][order]
