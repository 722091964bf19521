"""Small logs cross every border: blocks, batches, parts, shards and files end after a few bytes or rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from components.example_gen import ingest, replay
from components.example_gen.cleaning import shard_work
from components.example_gen.interactions import spill
from components.example_gen.read_interactions import ReadInteractions
from components.example_gen.sources import avro_source, files, parquet_source, parts, tfrecord_source
from components.example_gen.validation import dead_letters
from tests.components import log_writers

_OF_BYTES = (
    (files, "READ_BYTES"),
    (files, "_COMPRESSED_READ_BYTES"),
    (parts, "READ_BYTES"),
    (log_writers, "AVRO_BLOCK_BYTES"),
)
_OF_ROWS = (
    (avro_source, "BATCH_ROWS"),
    (parquet_source, "BATCH_ROWS"),
    (tfrecord_source, "BATCH_ROWS"),
    (log_writers, "ROW_GROUP"),
    (replay, "BATCH_ROWS"),
    (dead_letters, "LINES_PER_FILE"),
    (spill, "SPILL_ROWS"),
)


@contextmanager
def small_pieces(draw: random.Random, *, shards: bool = True) -> Iterator[None]:
    """Let all pieces be small in this block.

    Args:
        draw: the source of the sizes.
        shards: whether there are several, which have a file of examples each.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _OF_BYTES:
            patch.setattr(module, name, draw.randrange(1, 300))
        patch.setattr(tfrecord_source, "READ_BYTES", draw.randrange(1_000, 4_000))  # of several records
        for module, name in _OF_ROWS:
            patch.setattr(module, name, draw.randrange(5, 40))
        if shards:
            patch.setattr(shard_work, "ROWS_PER_SHARD", draw.randrange(30, 120))
        reader = partial(ReadInteractions, part_bytes=draw.randrange(200, 2_000))
        patch.setattr(ingest, "ReadInteractions", reader)
        yield
