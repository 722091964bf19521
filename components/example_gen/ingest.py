"""The ingestion: a Beam pipeline from a log to examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsIter, AsSingleton

from components.common.atomic_write import atomic_write
from components.example_gen.build_histories import BuildHistories
from components.example_gen.dead_letters import WriteRejected
from components.example_gen.rejected_counts import CountRejected, RejectedCounts
from components.example_gen.report import REPORT_FILE, IngestionReport, TableRows
from components.example_gen.rows import ValidateInteractions
from components.example_gen.side_tables import count_table_rows
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
    """Add the steps of the ingestion to a Beam pipeline that has not run yet.

    The steps write the examples (`Split-<split>/`), the rejected rows (`rejected/`) and, after
    these, an `IngestionReport` (`ingestion.json`). Call the report's `check` to find out whether
    there are enough good examples.

    Args:
        pipeline: the Beam pipeline.
        data: the log and its reading options.
        split: the protocol that divides the log.
        history: the length of an example's history.
        output_directory: a folder on a file system that TensorFlow can write to.

    Raises:
        InputError: when the pipeline runs, if the log or a table cannot be read, or the folder
            cannot be written.

    Example:
        >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     ingest(pipeline, config.data, config.split, config.history, "/tmp/examples")
        >>> IngestionReport.read("/tmp/examples").check(config.data, config.split)  # doctest: +SKIP
    """
    scratch = f"{output_directory}/unfinished"
    raw = pipeline | "ReadLog" >> SOURCES[data.format](data)
    rows = raw | "ValidateInteractions" >> ValidateInteractions(data)
    built = rows.accepted | "BuildHistories" >> BuildHistories(data, split, history, output_directory, scratch)
    letters = rows.rejected | "WriteRejected" >> WriteRejected(output_directory, scratch)
    tables = pipeline | "Tables" >> beam.Create([data]) | "CountTableRows" >> beam.Map(count_table_rows)
    _ = built["counts"] | "WriteReport" >> beam.Map(
        _write_report,
        rows_read=_count_rows(raw, "RowsRead"),
        rows_accepted=_count_rows(rows.accepted, "RowsAccepted"),
        rejected=AsSingleton(rows.rejected | "CountRejected" >> beam.CombineGlobally(CountRejected())),
        tables=AsSingleton(tables),
        directory=output_directory,
        scratch=scratch,
        files=AsIter((built["files"], letters) | "FilesWritten" >> beam.Flatten()),
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
    tables: dict[str, TableRows],
    directory: str,
    scratch: str,
    files: Iterable[str],
) -> None:
    """Write the report, and remove what a retried worker left. It runs after all `files` are written."""
    report = IngestionReport(
        rows_read=rows_read,
        rows_accepted=rows_accepted,
        rows_rejected=dict(rejected.rows),
        rejected_samples=rejected.samples,
        tables=tables,
        **counts,
    )
    with atomic_write(f"{directory}/{REPORT_FILE}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as file:
        file.write(report.to_json())
    tf.io.gfile.rmtree(scratch)
