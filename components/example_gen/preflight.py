"""Preflight: checks of a log and its tables before the pipeline starts, from a sample of the rows."""

from __future__ import annotations

import collections
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.example_gen.counts.report import check_table_rows, no_rows
from components.example_gen.sources.bigquery_tables import check_query
from components.example_gen.sources.csv_rows import column_indices, read_header_line, read_lines, read_rows
from components.example_gen.sources.csv_source import check_header
from components.example_gen.sources.diagnosis import expected_times, remedy_for_times, wrong_delimiter
from components.example_gen.sources.files import match_files, match_log
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.rejected_rows import (
    describe_rejected,
    log_remedies,
    most_frequent,
    remedy_for,
    table_remedies,
)
from components.example_gen.sources.source import (
    SOURCES,
    check_partitions,
    columns_in_file,
    match_table,
    needed_columns,
    read_log_file,
)
from components.example_gen.sources.text_files import first_lines
from components.example_gen.tables.side_tables import count_table_rows, read_table
from components.example_gen.validation.impressions import validate_impressions
from components.example_gen.validation.rejected_counts import CountRejected, RejectedCounts
from components.example_gen.validation.rejection_details import TIME_REASONS, RejectionDetails, merge_details
from components.example_gen.validation.rows import validate, validate_in_detail
from schemas.config.impressions import ImpressionsConfig
from schemas.config.log import DataConfig
from schemas.config.tables import UsersTableConfig
from schemas.errors import InputError
from schemas.interaction import LINE
from schemas.rejection import RejectionReason

SAMPLE_ROWS = 10_000
_UNSEEN = 1 / 16  # `_has_good_row` skips at most this fraction of a log in one piece
_SAMPLED = 100  # rows


@dataclass(frozen=True)
class LogSample:
    """The first rows of a log; `rows = accepted + sum(rejected)`."""

    files: tuple[str, ...]  # all files of the log
    rows: int
    accepted: int
    rejected: dict[str, int]  # by reason
    whole: bool  # whether these are all rows of the log


def check_log(data: DataConfig) -> LogSample:
    """Check the header of each file, the first rows of the log, the tables, and the first impressions.

    A log is refused here only for what holds for all of it. If no sampled row is an interaction,
    further samples from the rest of the log decide. `IngestionReport.check` judges the exact counts.
    Of BigQuery no row is read: it checks the query.

    Args:
        data: the log, its tables and their reading options.

    Returns:
        The first rows, counted.

    Raises:
        InputError: the log or a table does not agree with the configuration.
    """
    if data.format == "bigquery":
        _check_tables(data)
        check_query(data.path, needed_columns(data))
        return LogSample((data.path,), rows=0, accepted=0, rejected={}, whole=False)
    files = match_log(data)
    _check_tables(data)
    _check_columns(files, data)
    batches: list[pa.RecordBatch] = []
    whole = False
    for name in files:
        batches, to_the_end = _first_batches(name, data)
        if batches:
            whole = to_the_end and len(files) == 1
            break
    if not batches:
        raise no_rows(data)
    sample, rejected, details = _count(batches, data, files, whole)
    _judge(sample, rejected, details, data)
    return sample


def _check_columns(files: tuple[str, ...], data: DataConfig) -> None:
    """Check that each file has the columns of the configuration.

    If a row may lack a column, it must be among the first rows of one file.
    """
    source = SOURCES[data.format]
    found: dict[str, None] = {}
    for name in files:
        wanted, columns = columns_in_file(data, name), source.columns(name, data)
        if columns is None:
            continue
        check_partitions(columns, data, name)
        found.update(dict.fromkeys(columns))
        if source.optional:
            if set(wanted) <= set(found):
                return
            continue
        try:
            column_indices(columns, wanted, name)
        except InputError:
            if data.format == "csv":
                check_header(name, data, wanted)
            raise
    if source.optional and found:
        column_indices(tuple(found), wanted, data.path)


def _first_batches(name: str, data: ReadingOptions) -> tuple[list[pa.RecordBatch], bool]:
    """Return the first rows of a file, and whether these are all."""
    batches: list[pa.RecordBatch] = []
    count = 0
    with closing(read_log_file(name, data)) as rows:
        for batch in rows:
            batches.append(batch)
            count += batch.num_rows
            if count > SAMPLE_ROWS:
                return _in_order(batches, SAMPLE_ROWS), False
    return batches, True


def _in_order(batches: list[pa.RecordBatch], count: int) -> list[pa.RecordBatch]:
    """Return the first rows of a file, because a source may yield the bad rows of a block on their own."""
    rows = pa.Table.from_batches(batches).combine_chunks()
    order = np.argsort(rows.column(LINE).to_numpy(), kind="stable")[:count]
    return rows.take(pa.array(order)).combine_chunks().to_batches()


def _count(
    batches: list[pa.RecordBatch], data: DataConfig, files: tuple[str, ...], whole: bool
) -> tuple[LogSample, RejectedCounts, RejectionDetails]:
    counter = CountRejected()
    rejected = counter.create_accumulator()
    details = []
    for batch in batches:
        _, rejected_rows, of_batch = validate_in_detail(batch, data)
        rejected = counter.add_input(rejected, rejected_rows)
        details.append(of_batch)
    rows = sum(batch.num_rows for batch in batches)
    accepted = rows - sum(rejected.rows.values())
    sample = LogSample(files, rows, accepted, dict(rejected.rows), whole)
    return sample, rejected, merge_details(details)


def _judge(
    sample: LogSample,
    rejected: RejectedCounts,
    details: RejectionDetails,
    data: DataConfig,
) -> None:
    """Refuse a log whose rows are bad throughout, or whose rows are all in the sample and mostly bad.

    Raises:
        InputError: the remedy depends on the most frequent reason.
    """
    bad = {reason: count for reason, count in sample.rejected.items() if reason != RejectionReason.FILTERED.value}
    count = sum(bad.values())
    if sample.whole:
        hopeless = count == sample.rows
        if count <= max(0.5, data.max_rejected_share) * sample.rows and not hopeless:
            return
    else:
        hopeless = (
            count == sample.rows and data.max_rejected_share < 1 - _UNSEEN and not _has_good_row(sample.files, data)
        )
        if not hopeless:
            return
    worst = most_frequent(bad)
    example = rejected.samples[worst.value][0]
    remedies = log_remedies()
    if worst in TIME_REASONS:
        remedy = remedy_for_times(details.times, data, sample.accepted)
        remedies |= {reason.value: remedy for reason in TIME_REASONS}
        raise InputError(
            expected=expected_times(data, example.file),
            received=f"{next(iter(details.times))!r}, and others like it, in {bad[worst.value]:,} of the first"
            f" {sample.rows:,} rows" + describe_rejected(bad, rejected.samples, remedies),
            remedy=remedy,
        )
    if worst is RejectionReason.WRONG_FIELD_COUNT and data.column_names:
        better = wrong_delimiter(example.raw, 1, None, data, example.file)
        if better:
            raise better
    if hopeless:
        raise InputError(
            expected=f"rows that are interactions in {data.path}",
            received=f"{sample.rows:,} rows of the first {sample.rows:,} rejected"
            + describe_rejected(bad, rejected.samples, remedies),
            remedy=remedies[worst.value],
        )


def _has_good_row(files: tuple[str, ...], data: DataConfig) -> bool:
    """Return whether a row is an interaction, or rejected by a filter only, in samples from the whole log.

    The gaps between samples grow with the position. So a good part with more than `_UNSEEN` of the
    log is found, wherever it is.
    """
    position = next_sample = 0  # in rows, over all files
    for name in files:
        for batch in read_log_file(name, data):
            while next_sample < position + batch.num_rows:
                sample = batch.slice(next_sample - position, _SAMPLED)
                if _is_good(sample, data):
                    return True
                next_sample += max(sample.num_rows, int(next_sample * _UNSEEN))
            position += batch.num_rows
    return False


def _is_good(batch: pa.RecordBatch, data: DataConfig) -> bool:
    accepted, rejected = validate(batch, data)
    return accepted.num_rows > 0 or RejectionReason.FILTERED.value in rejected.column(0).to_pylist()


def _check_tables(data: DataConfig) -> None:
    """Check the columns and the rows of the tables of items and users, and the first rows of the impressions."""
    if data.items:
        _check_files(data.items)
    if data.impressions:
        _check_impressions(data.impressions)
    if data.users:
        _check_users(data.users)
    check_table_rows(count_table_rows(data), data)
    if data.users:
        collections.deque(read_table(data.users, data.null_values), maxlen=0)  # its errors name the line


def _check_files(table: ReadingOptions) -> None:
    """Check that each file has the columns of the configuration, or that all files have, if a row may lack one."""
    source, found = SOURCES[table.format], dict[str, None]()
    for name in match_table(table):
        wanted, columns = columns_in_file(table, name), source.columns(name, table) or ()
        check_partitions(columns, table, name)
        found.update(dict.fromkeys(columns))
        if not source.optional:
            column_indices(columns or [""], wanted, name)
    if source.optional:
        column_indices(tuple(found), wanted, table.path)


def _check_impressions(impressions: ImpressionsConfig) -> None:
    """Check the columns of each file, and that one of the first rows of the first file with rows is an impression."""
    _check_files(impressions)
    counter = CountRejected()
    for name in match_table(impressions):
        batches, _ = _first_batches(name, impressions)
        rejected = counter.create_accumulator()
        for batch in batches:
            rejected = counter.add_input(rejected, validate_impressions(batch, impressions)[1])
        rows = sum(batch.num_rows for batch in batches)
        if rows and rows == sum(rejected.rows.values()):
            remedies = table_remedies("impressions")
            raise InputError(
                expected=f"rows that are impressions in {impressions.path} ({impressions.setting}.path)",
                received=f"{rows:,} rows of the first {rows:,} rejected"
                + describe_rejected(rejected.rows, rejected.samples, remedies),
                remedy=remedy_for(rejected.rows, remedies),
            )
        if rows:
            return


def _check_users(users: UsersTableConfig) -> None:
    """Check that each file of users has the columns of the configuration."""
    for name in match_files(users.path, f"{users.setting}.path"):
        rows = read_rows(read_lines([first_lines(name)[0]]), users.delimiter, users.quote)
        wanted = [users.id, *(column.column for column in users.columns.values())]
        column_indices(read_header_line(rows, name, users.setting) or [""], wanted, name)
