"""From a log to histories: the steps of ingestion, wired."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsIter, AsSingleton

from components.common.atomic_write import atomic_write
from components.example_gen.combiners import CountRejected, RejectedCounts
from components.example_gen.dead_letters import WriteRejected
from components.example_gen.histories import BuildHistories
from components.example_gen.history_writer import WriteHistories
from components.example_gen.report import FILE_NAME, IngestionReport
from components.example_gen.rows import ValidateInteractions
from components.example_gen.source import SOURCES
from schemas.config import HistoryConfig, SplitConfig
from schemas.config.log import DataConfig


def ingest(
    pipeline: beam.Pipeline,
    data: DataConfig,
    split: SplitConfig,
    history: HistoryConfig,
    output_directory: str,
) -> None:
    """Adds the steps to a pipeline that has yet to run.

    They write the histories (`Split-<split>/`), the rejected rows
    (`rejected/`) and, once these are whole, an `IngestionReport`
    (`ingestion.json`). The report tells whether the examples are good enough
    to go on with; see its `check`.

    Args:
        pipeline: the Beam pipeline.
        data: the log and how to read it.
        split: how to divide it.
        history: how much of a user's past an example holds.
        output_directory: on a file system that TensorFlow can write to.
    """
    scratch = f"{output_directory}/unfinished"
    raw = pipeline | "ReadLog" >> SOURCES[data.format](data)
    rows = raw | "ValidateInteractions" >> ValidateInteractions(data)
    built = rows.accepted | "BuildHistories" >> BuildHistories(data, split, history)
    examples = built["histories"] | "WriteHistories" >> WriteHistories(output_directory, scratch)
    letters = rows.rejected | "WriteRejected" >> WriteRejected(output_directory, scratch)
    _ = built["counts"] | "WriteReport" >> beam.Map(
        _write_report,
        rows_read=_count_rows(raw, "RowsRead"),
        rows_accepted=_count_rows(rows.accepted, "RowsAccepted"),
        rejected=AsSingleton(rows.rejected | "CountRejected" >> beam.CombineGlobally(CountRejected())),
        directory=output_directory,
        scratch=scratch,
        files=AsIter((examples, letters) | "FilesWritten" >> beam.Flatten()),
    )


def _count_rows(batches: beam.PCollection, label: str) -> AsSingleton:
    sizes = batches | f"{label}InBatch" >> beam.Map(lambda batch: batch.num_rows)
    return AsSingleton(sizes | label >> beam.CombineGlobally(sum))


def _write_report(
    counts: dict[str, Any],
    *,
    rows_read: int,
    rows_accepted: int,
    rejected: RejectedCounts,
    directory: str,
    scratch: str,
    files: Iterable[str],
) -> None:
    """Runs after all `files` are written, so it is the one to remove what a retried worker left."""
    report = IngestionReport(
        rows_read=rows_read,
        rows_accepted=rows_accepted,
        rows_rejected=dict(rejected.rows),
        rejected_samples=rejected.samples,
        **counts,
    )
    with atomic_write(f"{directory}/{FILE_NAME}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as file:
        file.write(report.to_json())
    tf.io.gfile.rmtree(scratch)
