"""The first steps of an ingestion: files of the log are read, and each row becomes an interaction or is rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from components.example_gen.file_counts import READ
from components.example_gen.files import file_size, match_log
from components.example_gen.progress import Progress, ProgressWriter
from components.example_gen.rows import validate_in_detail
from components.example_gen.source import follow_log_file
from schemas.config.log import DataConfig

ACCEPTED, REJECTED, DETAILS, COUNTS = "accepted", "rejected", "details", "counts"


class ReadInteractions(beam.PTransform):
    """Source of the interactions of a log. Beam spreads its files.

    Args:
        data: the log, its reading options and its filters.
        until: the number of the newest span to read; None for the newest of all.
        progress: the output of `progress_folder`; None for no reports.
    """

    def __init__(self, data: DataConfig, until: int | None = None, progress: str | None = None) -> None:
        super().__init__()
        self._data = data
        self._until = until
        self._progress = progress

    def expand(self, pbegin: Any) -> Any:
        """Return four outputs.

        Returns:
            `accepted`, batches of `interaction_schema`, and `rejected`, batches of `REJECTED`. Together they contain
            every row once. `details` has `RejectionDetails`, and `counts` a
            `FileCounts` of the rows that are read.
        """
        reader = beam.ParDo(_ReadFile(self._data, self._progress))
        return (
            pbegin
            | "Log" >> beam.Create([self._data])
            | "MatchFiles" >> beam.FlatMap(match_log, self._until)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadRows" >> reader.with_outputs(COUNTS, DETAILS, REJECTED, main=ACCEPTED)
        )


class _ReadFile(beam.DoFn):
    def __init__(self, data: DataConfig, progress: str | None) -> None:
        self._data = data
        self._folder = progress

    def start_bundle(self) -> None:
        self._progress = ProgressWriter(self._folder)

    def finish_bundle(self) -> None:
        self._progress.flush()

    def process(self, path: str) -> Iterator[Any]:
        rows = rows_rejected = 0
        for batch, position in follow_log_file(path, self._data):
            accepted, rejected, details = validate_in_detail(batch, self._data)
            rows += batch.num_rows
            rows_rejected += rejected.num_rows
            self._progress.set(path, Progress(position, rows, rows_rejected))
            yield TaggedOutput(COUNTS, Counter({(READ, path): batch.num_rows}))
            if accepted.num_rows:
                yield accepted
            if rejected.num_rows:
                yield TaggedOutput(REJECTED, rejected)
                yield TaggedOutput(DETAILS, details)
        self._progress.set(path, Progress(file_size(path), rows, rows_rejected))
