"""Cleaning of a shard that is too large for memory, if only the last interactions of each user are kept.

The rows are divided into parts by time, on the local disk, and only one part is in memory. The rules apply to a part
together with the few interactions of other parts that they depend on. So the result is that of `clean`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.common.atomic_write import explained
from components.common.beam_combiners import MergeParts
from components.example_gen.cleaning.returns import open_returns
from components.example_gen.cleaning.rules import DAY_S, clean
from components.example_gen.counts.file_counts import FileCounts, count_rows
from components.example_gen.interactions.timelines import Timelines, build_timelines, to_rows
from schemas.config.log import DataConfig
from schemas.interaction import interaction_schema

MAX_PARTS = 256  # files that are open at once
SAMPLED = 64  # one of so many times decides where a part ends
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_DAY = ["user", "day", "count"]

ReadRows = Callable[[], Iterable[pa.RecordBatch]]
Seconds = npt.NDArray[np.float64]


def clean_by_time(read: ReadRows, data: DataConfig, part_rows: int) -> tuple[Timelines, FileCounts]:
    """Leave out what the rules name, with about `part_rows` rows in memory.

    Rows with the same time are in one part. In addition, the memory holds the interactions that are kept, a number for
    each day of a user if there is a limit for bots, the last interaction with each item within the time of repeats, and
    a return of each item with open returns.

    Args:
        read: returns all rows of some users, of `interaction_schema`, in any order.
        data: the settings of the rules. There is a number of interactions to keep.
        part_rows: the number of rows that a part should not exceed by much.

    Returns:
        The rest, and the number of interactions that each rule has left out, by file: what `clean` returns.

    Raises:
        InputError: the disk for temporary files is full.
    """
    with tempfile.TemporaryDirectory() as folder, explained(folder):
        parts, counts = _divide(read, data, part_rows, folder)
        if data.cleaning.returns:
            counts += _settle_returns(parts, data)
        rest, found = _clean_forward(parts, data)
    return rest, counts + found


def _divide(read: ReadRows, data: DataConfig, part_rows: int, folder: str) -> tuple[list[str], FileCounts]:
    """Write files of successive times, without the rows of bots."""
    ends, bots = _ends(read, part_rows), _bots(read, data.cleaning.max_per_day)
    parts = [f"{folder}/{number}.arrow" for number in range(len(ends) + 1)]
    left_out: FileCounts = Counter()
    with ExitStack() as files:
        schema = interaction_schema(data.carried)
        writers = [files.enter_context(pa.ipc.new_file(part, schema, options=_OPTIONS)) for part in parts]
        for batch in read():
            is_bot = pc.is_in(batch.column(0), value_set=bots)
            left_out += count_rows(batch.filter(is_bot), "file", "bots")
            people = batch.filter(pc.invert(is_bot))
            numbers = np.searchsorted(ends, _times(people), side="right")
            ordered = people.take(pa.array(np.argsort(numbers, kind="stable")))
            bounds = np.searchsorted(np.sort(numbers), np.arange(len(parts) + 1)).tolist()
            for writer, start, end in zip(writers, bounds[:-1], bounds[1:], strict=True):
                if start < end:
                    writer.write_batch(ordered.slice(start, end - start))
    return parts, left_out


def _ends(read: ReadRows, part_rows: int) -> Seconds:
    """Return the times at which a part ends and the next one starts."""
    sample = np.sort(np.concatenate([_times(batch)[::SAMPLED] for batch in read()]))
    step = max(part_rows // SAMPLED, -(-len(sample) // MAX_PARTS), 1)
    return np.unique(sample[step::step])


def _bots(read: ReadRows, most: int | None) -> pa.Array:
    """Return the ids of users with more than `most` interactions in a day, in UTC."""
    if most is None:
        return pa.array([], pa.string())
    days = MergeParts(_sum_days, lambda table: table.num_rows)
    counts = days.create_accumulator()
    for batch in read():
        day = pa.array(np.floor(_times(batch) / DAY_S))
        ones = pa.array(np.ones(batch.num_rows, np.int64))
        counts = days.add_input(counts, _sum_days([pa.table([batch.column(0), day, ones], _DAY)]))
    total = days.extract_output(counts)
    return total.filter(pc.greater(total["count"], most))["user"].unique()


def _sum_days(parts: Sequence[pa.Table]) -> pa.Table:
    summed = pa.concat_tables(parts).group_by(_DAY[:2]).aggregate([("count", "sum")])
    return summed.select([*_DAY[:2], "count_sum"]).rename_columns(_DAY)


def _settle_returns(parts: Sequence[str], data: DataConfig) -> FileCounts:
    """Leave out returns and what they cancel, from the last part to the first, and write the parts again."""
    counts: FileCounts = Counter()
    schema = interaction_schema(data.carried)
    later = build_timelines([], schema)
    for part in reversed(parts):
        rest, duplicates = clean(_read_part(part, data), data, ["duplicates"])
        rest = _join([rest, later], data)
        later = open_returns(rest)
        rest, returned = clean(rest, data, ["returned"])
        rest = rest.with_interactions(rest.timestamps_s < np.inf)  # without `later`
        rest, returns = clean(rest, data, ["returns"])
        counts += duplicates + returned + returns
        with pa.ipc.new_file(part, schema, options=_OPTIONS) as writer:
            writer.write_batch(to_rows(rest))
    return counts


def _clean_forward(parts: Sequence[str], data: DataConfig) -> tuple[Timelines, FileCounts]:
    """Apply the rules that look at earlier interactions, from the first part to the last."""
    counts: FileCounts = Counter()
    recent = kept = build_timelines([], interaction_schema(data.carried))
    for part in parts:
        rest, found = clean(_read_part(part, data), data, ["duplicates", "other_events"])
        if not len(rest.items):
            counts += found
            continue
        if data.cleaning.repeat_gap_s:
            first_s = rest.timestamps_s.min()
            rest = _join([recent, rest], data)
            recent = _recent(rest, data.cleaning.repeat_gap_s)
            rest, repeats = clean(rest, data, ["repeats"])
            rest = rest.with_interactions(rest.timestamps_s >= first_s)  # without those of earlier parts
            found += repeats
        kept, older = clean(_join([kept, rest], data), data, ["older"])
        counts += found + older
    return kept, counts


def _recent(timelines: Timelines, gap_s: float) -> Timelines:
    """Return each user's last interaction with an item, if a later one can repeat it."""
    _, from_the_end = np.unique(timelines.pairs[::-1], return_index=True)
    last = np.zeros(len(timelines.items), np.bool_)
    last[len(last) - 1 - from_the_end] = True
    return timelines.with_interactions(last & (timelines.timestamps_s.max() - timelines.timestamps_s <= gap_s))


def _read_part(part: str, data: DataConfig) -> Timelines:
    with pa.OSFile(part) as file:
        reader = pa.ipc.open_file(file)
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    return build_timelines(batches, interaction_schema(data.carried))


def _join(parts: Sequence[Timelines], data: DataConfig) -> Timelines:
    """Return the interactions of parts that follow each other in time."""
    return build_timelines([to_rows(part) for part in parts], interaction_schema(data.carried))


def _times(batch: pa.RecordBatch) -> Seconds:
    return np.asarray(batch.column(2).to_numpy())
