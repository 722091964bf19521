"""Cleaning: interactions that are left out, although their rows are valid, counted by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.cleaning.returns import is_return, is_returned
from components.example_gen.counts.file_counts import FileCounts, count_by_file
from components.example_gen.counts.report import LEFT_OUT
from components.example_gen.interactions.timelines import Timelines
from schemas.config.log import DataConfig
from schemas.features import EVENT

DAY_S = 86_400
Mask = npt.NDArray[np.bool_]


def clean(
    timelines: Timelines, data: DataConfig, rules: Collection[str] = tuple(LEFT_OUT)
) -> tuple[Timelines, FileCounts]:
    """Leave out what the rules name, one rule after the other.

    Args:
        timelines: the interactions of some users, all of them.
        data: the settings of the rules.
        rules: the rules of `LEFT_OUT` that may apply. The minimums do not: see `keep_frequent`.

    Returns:
        The rest, and the number of interactions that each rule has left out, by the rules of `LEFT_OUT` and by file.
    """
    counts: FileCounts = Counter()
    settings = data.cleaning
    steps: tuple[tuple[str, Any, Callable[[Timelines, Any], Mask]], ...] = (
        ("bots", settings.max_per_day, _of_bots),
        ("duplicates", settings.drop_duplicates, _duplicates),
        ("returned", settings.returns, lambda rest, _: is_returned(rest)),
        ("returns", settings.returns, lambda rest, _: is_return(rest)),
        ("other_events", data.events, _other_events),
        ("repeats", settings.repeat_gap_s, _repeats),
        ("older", settings.keep_last, _older),
    )
    for name, setting, find in steps:
        if setting and name in rules:
            found = find(timelines, setting)
            counts.update(count_by_file(timelines.files[found], timelines.file_names, name))
            timelines = timelines.with_interactions(~found)
    return timelines, counts


def _of_bots(timelines: Timelines, most: int) -> Mask:
    """Return the interactions of users with more than `most` interactions in a day, in UTC."""
    days = np.floor(timelines.timestamps_s / DAY_S)
    starts = np.flatnonzero(_first_of_user(timelines) | (np.diff(days, prepend=np.nan) != 0))
    lengths = np.diff(starts, append=len(days))
    bots = np.zeros(len(timelines.user_ids), np.bool_)
    bots[timelines.users[starts[lengths > most]]] = True
    return bots[timelines.users]


def _duplicates(timelines: Timelines, _: bool) -> Mask:
    """Return the interactions that equal an earlier one in every column."""
    columns = {"user": timelines.users, "time": timelines.timestamps_s, "item": timelines.items}
    further = {f"further_{name}": column.to_numpy(zero_copy_only=False) for name, column in timelines.further.items()}
    return np.asarray(pd.DataFrame({**columns, **further}).duplicated())


def _other_events(timelines: Timelines, events: Mapping[str, float]) -> Mask:
    """Return the interactions with an event that is not configured."""
    known = pc.is_in(timelines.further[EVENT], value_set=pa.array(list(events), pa.string()))
    return ~np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _repeats(timelines: Timelines, gap_s: float) -> Mask:
    """Return the interactions with an item that the user had at most `gap_s` before."""
    order = np.argsort(timelines.pairs, kind="stable")
    pairs, times = timelines.pairs[order], timelines.timestamps_s[order]
    found = np.zeros(len(order), np.bool_)
    found[order[1:]] = (np.diff(pairs) == 0) & (np.diff(times) <= gap_s)
    return found


def _older(timelines: Timelines, last: int) -> Mask:
    """Return the interactions before each user's last ones."""
    return np.asarray(np.arange(len(timelines.items)) < timelines.offsets[1:][timelines.users] - last)


def _first_of_user(timelines: Timelines) -> Mask:
    first = np.zeros(len(timelines.items), np.bool_)
    first[timelines.offsets[:-1]] = True
    return first


def keep_frequent(timelines: Timelines, data: DataConfig, rare: pa.Array) -> tuple[Timelines, FileCounts]:
    """Leave out rare items, and then users with too few interactions.

    Args:
        timelines: the interactions of some users, all of them.
        data: the minimum for users.
        rare: the ids of the items to leave out.

    Returns:
        The rest, and the number of interactions that each of both rules has left out, by rule and file.
    """
    left_out = timelines.of_items(rare)
    kept = timelines.with_interactions(~left_out)
    enough = (kept.lengths >= data.min_user_interactions)[kept.users]
    names = timelines.file_names
    counts = count_by_file(timelines.files[left_out], names, "below_item_minimum")
    counts.update(count_by_file(kept.files[~enough], names, "below_user_minimum"))
    return kept.with_interactions(enough), counts
