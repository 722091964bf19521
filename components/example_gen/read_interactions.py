"""The first steps of an ingestion: files of the log are read, and each row becomes an interaction or is rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from components.example_gen.cleaning.kept_rows import KeptRows
from components.example_gen.counts.file_counts import READ
from components.example_gen.progress import Progress, ProgressWriter
from components.example_gen.replay import ReadLetters
from components.example_gen.sources.bigquery_source import ReadTable
from components.example_gen.sources.files import match_log
from components.example_gen.sources.parts import PART_BYTES, Part
from components.example_gen.sources.source import divide_log_file, read_part
from components.example_gen.validation.rejection_details import RejectionDetails
from components.example_gen.validation.rows import validate_in_detail
from schemas.config.log import DataConfig
from schemas.interaction import FILE

ACCEPTED, REJECTED, DETAILS, COUNTS = "accepted", "rejected", "details", "counts"


class ReadInteractions(beam.PTransform):
    """Source of the interactions of a log. Beam spreads its files.

    Args:
        data: the log, its reading options and its filters.
        until: the number of the newest span to read; None for the newest of all.
        progress: the output of `progress_folder`; None for no reports.
        former: a former ingestion, whose rejected rows are read instead of the log.
        part_bytes: about how many bytes of a file one worker reads at a time.
    """

    def __init__(
        self,
        data: DataConfig,
        until: int | None = None,
        progress: str | None = None,
        former: KeptRows | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        super().__init__()
        self._data = data
        self._until = until
        self._progress = progress
        self._former = former
        self._part_bytes = part_bytes

    def expand(self, pbegin: Any) -> Any:
        """Return four outputs.

        Returns:
            `accepted`, batches of `interaction_schema`, and `rejected`, batches of `REJECTED`. Together they contain
            every row once. `details` has `RejectionDetails`, and `counts` a
            `FileCounts` of the rows that are read.
        """
        validate_rows = _with_outputs(beam.FlatMap(_validated, self._data))
        if self._former:
            return pbegin | "ReadLetters" >> ReadLetters(self._former, self._data) | "ReadRows" >> validate_rows
        if self._data.format == "bigquery":
            return pbegin | "ReadTable" >> ReadTable(self._data) | "ReadRows" >> validate_rows
        reader = beam.ParDo(_ReadPart(self._data, self._progress))
        return (
            pbegin
            | "Log" >> beam.Create([self._data])
            | "MatchFiles" >> beam.FlatMap(match_log, self._until)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Divide" >> beam.FlatMap(divide_log_file, self._data, self._part_bytes)
            | "SpreadParts" >> beam.Reshuffle()
            | "ReadRows" >> _with_outputs(reader)
        )


def _with_outputs(step: beam.ParDo) -> Any:
    return step.with_outputs(COUNTS, DETAILS, REJECTED, main=ACCEPTED)


def _validated(batch: pa.RecordBatch, data: DataConfig) -> Iterator[Any]:
    file = batch.column(batch.schema.get_field_index(FILE))[0].as_py()  # that of all rows
    return _outputs(file, batch.num_rows, *validate_in_detail(batch, data))


def _outputs(
    path: str, rows: int, accepted: pa.RecordBatch, rejected: pa.RecordBatch, details: RejectionDetails
) -> Iterator[Any]:
    yield TaggedOutput(COUNTS, Counter({(READ, path): rows}))
    if accepted.num_rows:
        yield accepted
    if rejected.num_rows:
        yield TaggedOutput(REJECTED, rejected)
        yield TaggedOutput(DETAILS, details)


class _ReadPart(beam.DoFn):
    def __init__(self, data: DataConfig, progress: str | None) -> None:
        self._data = data
        self._folder = progress

    def start_bundle(self) -> None:
        self._progress = ProgressWriter(self._folder)

    def finish_bundle(self) -> None:
        self._progress.flush()

    def process(self, part: Part) -> Iterator[Any]:
        name, rows, rows_rejected = f"{part.path}:{part.start}", 0, 0
        yield TaggedOutput(COUNTS, Counter({(READ, part.path): 0}))  # a file without rows is counted, too
        for batch, position in read_part(part, self._data):
            accepted, rejected, details = validate_in_detail(batch, self._data)
            rows += batch.num_rows
            rows_rejected += rejected.num_rows
            done = min(max(position, part.start), part.end) - part.start  # Parquet is read in any order
            self._progress.set(name, Progress(done, rows, rows_rejected))
            yield from _outputs(part.path, batch.num_rows, accepted, rejected, details)
        self._progress.set(name, Progress(part.end - part.start, rows, rows_rejected))
