"""The interactions that an ingestion keeps, so that a replay must read only the rejected rows again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems

from components.common.atomic_write import atomic_write
from components.example_gen.interactions.spill import Shard, Spill, read_spill
from schemas.config.log import DataConfig
from schemas.errors import InputError

KEPT_FOLDER = "interactions"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class KeptRows:
    """What an ingestion has kept.

    Args:
        directory: the folder of its examples, with the dead letters and the report.
        data: its reading options, as JSON values.
        origin: the files of the log and the code that has read them, see `ingest`.
        interactions: the files with the accepted rows.
    """

    directory: str
    data: Mapping[str, Any]
    origin: Mapping[str, str]
    interactions: tuple[Spill, ...]

    @property
    def rows(self) -> int:
        """The number of accepted rows."""
        return sum(spill.rows for spill in self.interactions)

    @staticmethod
    def read(directory: str) -> KeptRows:
        """Read what the ingestion into a directory has kept.

        Args:
            directory: the folder of the examples.

        Raises:
            InputError: it has kept nothing.
        """
        folder = f"{directory}/{KEPT_FOLDER}"
        if not tf.io.gfile.exists(f"{folder}/{MANIFEST}"):
            raise InputError(
                expected=f"the accepted rows of a run in {folder}",
                received="no such folder, or no manifest in it",
                remedy="set data.keep_interactions: true, and run on the whole log: temporec run",
            )
        with FileSystems.open(f"{folder}/{MANIFEST}") as file:
            values = json.load(file)
        spills = tuple(Spill(f"{folder}/{name}", rows) for name, rows in values.pop("interactions"))
        return KeptRows(directory, interactions=spills, **values)


def write_manifest(
    spills: Sequence[Spill], data: DataConfig, origin: Mapping[str, str], directory: str, scratch: str
) -> None:
    """Write what `KeptRows.read` reads, and remove what a retried worker has left.

    Args:
        spills: the files with the accepted rows, in the folder `interactions`.
        data: the reading options.
        origin: see `KeptRows`.
        directory: the folder of the examples.
        scratch: see `atomic_write`.
    """
    folder = f"{directory}/{KEPT_FOLDER}"
    kept = sorted((spill.path.rpartition("/")[2], spill.rows) for spill in spills)
    if tf.io.gfile.exists(folder):
        for name in {*tf.io.gfile.listdir(folder)} - {name for name, _ in kept}:
            tf.io.gfile.remove(f"{folder}/{name}")
    values = {"data": data.model_dump(mode="json"), "origin": dict(origin), "interactions": kept}
    with (
        atomic_write(f"{folder}/{MANIFEST}", scratch) as unfinished,
        tf.io.gfile.GFile(unfinished, "w") as file,
    ):
        file.write(json.dumps(values, indent=2) + "\n")


class ReadKept(beam.PTransform):
    """Source of the interactions that an ingestion has kept.

    Args:
        kept: what it has kept.
    """

    def __init__(self, kept: KeptRows) -> None:
        super().__init__()
        self._kept = kept

    def expand(self, pbegin: Any) -> beam.PCollection:
        """Return batches of `interaction_schema`."""
        return (
            pbegin
            | "KeptFiles" >> beam.Create(self._kept.interactions)
            | "SpreadKept" >> beam.Reshuffle()
            | "ReadKeptRows" >> beam.FlatMap(_read_whole)
        )


def _read_whole(spill: Spill) -> Iterator[pa.RecordBatch]:
    """Yield all rows of a file.

    Raises:
        InputError: the file is gone or damaged.
    """
    rows = 0
    try:
        for batch in read_spill(spill, Shard(0, 1)):
            rows += batch.num_rows
            yield batch
    except (OSError, pa.ArrowException) as error:
        raise _damaged(spill, str(error)) from None
    if rows != spill.rows:
        raise _damaged(spill, f"{rows:,} rows")


def _damaged(spill: Spill, received: str) -> InputError:
    return InputError(
        expected=f"{spill.rows:,} interactions in {spill.path}",
        received=received[:500],
        remedy="run on the whole log: temporec run",
    )
