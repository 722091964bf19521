"""The minimums of items and users, to a fixed point: what remains is the k-core of the log.

An item without enough interactions is left out. That can leave a user without enough, whose other interactions are then
missing elsewhere, and so on. What is left at the end does not depend on the order (Seidman 1983, "Network structure and
minimum degree").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsList

from components.common.atomic_write import atomic_write
from components.common.beam_combiners import MergeParts
from components.example_gen.cleaning.shard_work import Work, load_timelines
from components.example_gen.interactions.spill import buckets_of
from components.example_gen.interactions.timelines import one_chunk
from schemas.config.log import DataConfig


def find_rare_items(
    make_pipeline: Callable[[], beam.Pipeline], data: DataConfig, work: Sequence[Work], scratch: str
) -> tuple[str, ...]:
    """Find the items to leave out, so that all others and all users have enough interactions.

    Each round is a pipeline: it counts the items that are left, without the users that have too few of them.

    Args:
        make_pipeline: returns a Beam pipeline that has not run yet.
        data: the minimums, the rules of cleaning and the further columns.
        work: all shards.
        scratch: a folder that all workers can write and read.

    Returns:
        Files with the ids of these items.
    """
    files: tuple[str, ...] = ()
    while True:
        path = f"{scratch}/rare-{len(files)}.arrow"
        with make_pipeline() as pipeline:
            rare = (
                pipeline
                | "Shards" >> beam.Create(list(work))
                | "SpreadShards" >> beam.Reshuffle()
                | "CountInShard" >> beam.FlatMap(_counts_by_bucket, data, files).with_output_types(tuple[int, pa.Table])
                | "CountInBucket" >> beam.CombinePerKey(MergeParts(_sum, lambda table: table.num_rows))
                | "Rare" >> beam.Map(_below, data.min_item_interactions)
            )
            _ = (
                pipeline
                | "Once" >> beam.Create([path])
                | "WriteRare" >> beam.Map(_write_ids, scratch, parts=AsList(rare))
            )
        if not len(read_ids([path])):
            return files
        files = (*files, path)


def read_ids(paths: Sequence[str]) -> pa.Array:
    """Return the ids in files of `find_rare_items`.

    Args:
        paths: the files.
    """
    parts = [pa.array([], pa.string())]
    for path in paths:
        with FileSystems.open(path) as file:
            parts += pa.ipc.open_file(file).read_all().column(0).chunks
    return pa.concat_arrays(parts)


def _write_ids(path: str, scratch: str, *, parts: list[pa.Array]) -> None:
    table = pa.table([pa.chunked_array(parts, pa.string())], ["id"])
    with (
        atomic_write(path, scratch) as unfinished,
        FileSystems.create(unfinished) as file,
        pa.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table)


def _counts_by_bucket(work: Work, data: DataConfig, files: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the number of interactions of each item of a shard, by the bucket of the item."""
    timelines, _ = load_timelines(work, data, read_ids(files))
    counts = np.bincount(timelines.items, minlength=len(timelines.item_ids))
    found = pa.table([timelines.item_ids, pa.array(counts)], ["id", "count"]).filter(pa.array(counts > 0))
    buckets = buckets_of(one_chunk(found["id"]))
    for bucket in np.unique(buckets).tolist():
        yield bucket, found.filter(pa.array(buckets == bucket))


def _sum(parts: Sequence[pa.Table]) -> pa.Table:
    summed = pa.concat_tables(parts).group_by("id").aggregate([("count", "sum")])
    return summed.select(["id", "count_sum"]).rename_columns(["id", "count"])


def _below(bucket: tuple[int, pa.Table], least: int) -> pa.Array:
    """Return the ids with fewer interactions than the minimum."""
    _, counts = bucket
    return one_chunk(counts.filter(pc.less(counts["count"], least))["id"])
