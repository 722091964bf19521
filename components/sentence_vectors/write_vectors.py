"""Beam: the table of items with the sentence vectors of its texts, with one encoder a worker process."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.utils.shared import Shared

from components.common.atomic_write import atomic_write
from components.sentence_vectors.sentence_encoder import SentenceEncoder
from schemas.config.tables import ItemTableConfig, SentenceVectorsConfig
from schemas.items import ITEM_SETTINGS_FILE, ITEM_TABLE_FILE, LENGTH, ROLE, VECTOR
from trainer.data.encoder_files import find_encoder

_TEXTS_AT_ONCE = 1_024

Vectors = npt.NDArray[np.float32]
Batch = tuple[str, int, list[str]]  # the name of the vectors, the first row of the table, the texts


def write_sentence_vectors(
    pipeline: beam.Pipeline, items: str, folder: str, configs: Mapping[str, SentenceVectorsConfig]
) -> None:
    """Write a copy of the table of items with a further column for each kind of vectors.

    The table and the vectors of a row group are in memory at a time. The settings are written last, so that a folder
    with them is complete.

    Args:
        pipeline: a Beam pipeline that has not run yet.
        items: the artifact of the component ItemTable.
        folder: the folder of the copy, on a file system that TensorFlow can write to.
        configs: by the name of the column, the texts and the encoder.

    Raises:
        InputError: an encoder cannot be loaded.
    """
    source, scratch = f"{items}/{ITEM_TABLE_FILE}", f"{folder}/unfinished"
    encoders = {name: find_encoder(config.encoder) for name, config in configs.items()}
    lengths = {name: SentenceEncoder(path).dim for name, path in encoders.items()}
    with tempfile.NamedTemporaryFile(suffix=ITEM_TABLE_FILE) as local:
        tf.io.gfile.copy(source, local.name, overwrite=True)
        table = pq.ParquetFile(local.name)
        with pipeline:
            groups = [(name, group) for name in configs for group in range(table.num_row_groups)]
            _ = (
                pipeline
                | "Groups" >> beam.Create(groups, reshuffle=False)
                | "Read" >> beam.ParDo(_ReadTexts(source, {name: each.texts for name, each in configs.items()}))
                | "Distribute" >> beam.Reshuffle()
                | "Encode" >> beam.ParDo(_Encode(encoders, scratch, Shared()))
            )
        with tempfile.NamedTemporaryFile(suffix=ITEM_TABLE_FILE) as described:
            _join(table, scratch, lengths, described.name)
            with atomic_write(f"{folder}/{ITEM_TABLE_FILE}", scratch) as unfinished:
                tf.io.gfile.copy(described.name, unfinished)
    with tf.io.gfile.GFile(f"{items}/{ITEM_SETTINGS_FILE}") as file:
        settings = ItemTableConfig.model_validate_json(file.read())
    settings = settings.model_copy(
        update={"items": settings.items.model_copy(update={"sentence_vectors": dict(configs)})}
    )
    with atomic_write(f"{folder}/{ITEM_SETTINGS_FILE}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as f:
        f.write(settings.model_dump_json(indent=2) + "\n")
    tf.io.gfile.rmtree(scratch)


def with_sentence_vectors(items: pa.Table, configs: Mapping[str, SentenceVectorsConfig]) -> pa.Table:
    """Return a table of items with its sentence vectors, computed in this process.

    Args:
        items: the table, of `item_schema`.
        configs: by the name of the column, the texts and the encoder.

    Raises:
        InputError: an encoder cannot be loaded.
    """
    for name, config in configs.items():
        encoder = SentenceEncoder(find_encoder(config.encoder))
        items = _append(items, name, encoder.encode(_texts(items, config.texts)))
    return items


class _ReadTexts(beam.DoFn):
    """From a row group to batches of its texts."""

    def __init__(self, path: str, texts: Mapping[str, Sequence[str]]) -> None:
        self._path = path
        self._texts = texts

    def process(self, element: tuple[str, int]) -> Iterator[Batch]:
        name, group = element
        columns = self._texts[name]
        # Beam would decompress by the suffix.
        with FileSystems.open(self._path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            table = pq.ParquetFile(file)
            first = sum(table.metadata.row_group(before).num_rows for before in range(group))
            texts = _texts(table.read_row_group(group, columns=list(columns)), columns)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            yield name, first + start, texts[start : start + _TEXTS_AT_ONCE]


class _Encode(beam.DoFn):
    """Writes the vectors of a batch to a file; loads each encoder once a process, because a DoFn is for one thread."""

    def __init__(self, encoders: Mapping[str, Path], folder: str, shared: Shared) -> None:
        self._paths = encoders
        self._folder = folder
        self._shared = shared

    def setup(self) -> None:
        self.encoders: dict[str, SentenceEncoder] = self._shared.acquire(self._load)

    def process(self, batch: Batch) -> None:
        name, first, texts = batch
        content = io.BytesIO()
        np.save(content, self.encoders[name].encode(texts))
        path = _part(self._folder, name, first)
        with atomic_write(path, self._folder) as unfinished, tf.io.gfile.GFile(unfinished, "wb") as file:
            file.write(content.getvalue())

    def _load(self) -> dict[str, SentenceEncoder]:
        of_path = {path: SentenceEncoder(path) for path in {*self._paths.values()}}
        return _Encoders({name: of_path[path] for name, path in self._paths.items()})


class _Encoders(dict[str, SentenceEncoder]):
    """A dictionary that can be shared: a weak reference to a plain one is impossible."""


def _part(folder: str, name: str, first: int) -> str:
    return f"{folder}/{name}-{first:010}.npy"


def _texts(table: pa.Table, columns: Sequence[str]) -> list[str]:
    """Return the texts of each row, joined by a space."""
    rows = zip(*(table[column].to_pylist() for column in columns), strict=True)
    return [" ".join(text for text in row if text) for row in rows]


def _join(table: pq.ParquetFile, scratch: str, lengths: Mapping[str, int], target: str) -> None:
    """Write the table with its vectors, row group by row group."""
    first, writer = 0, None
    for group in range(table.num_row_groups):
        rows = table.read_row_group(group)
        for name in lengths:
            parts = [_read(_part(scratch, name, first + start)) for start in range(0, rows.num_rows, _TEXTS_AT_ONCE)]
            rows = _append(rows, name, np.concatenate(parts))
        writer = writer or pq.ParquetWriter(target, rows.schema, compression="zstd")
        writer.write_table(rows, row_group_size=rows.num_rows)
        first += table.metadata.row_group(group).num_rows
    if writer is None:
        raise ValueError("the table of items has no row group")
    writer.close()


def _read(path: str) -> Vectors:
    with tf.io.gfile.GFile(path, "rb") as file:
        return np.asarray(np.load(io.BytesIO(file.read())), np.float32)


def _append(table: pa.Table, name: str, vectors: Vectors) -> pa.Table:
    """Return the table with a column of vectors. A vector of zeros belongs to a text without a word, and is null."""
    length = vectors.shape[1]
    missing = ~vectors.any(axis=1)
    offsets = np.append(0, np.cumsum(np.where(missing, 0, length)))
    column = pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), pa.array(vectors[~missing].ravel(), pa.float32()), mask=pa.array(missing)
    )
    field = pa.field(name, column.type, metadata={ROLE: VECTOR, LENGTH: str(length).encode()})
    return table.append_column(field, column)
