"""Preflight: checks of a log and its tables before the pipeline starts, from a sample of the rows."""

from __future__ import annotations

import codecs
import collections
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from components.example_gen.csv_rows import column_indices, read_header, read_header_line, read_lines, read_rows
from components.example_gen.diagnosis import wrong_delimiter, wrong_timestamp
from components.example_gen.files import DECOMPRESSORS, READ_BYTES, match_files, read_blocks
from components.example_gen.rejected_counts import CountRejected, RejectedCounts
from components.example_gen.report import check_table_rows, describe_rejected, no_rows, remedy_for
from components.example_gen.rows import validate
from components.example_gen.side_tables import count_table_rows, read_table
from components.example_gen.source import needed_columns, read_record_batches
from schemas.config.log import DataConfig, ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from schemas.interaction import RejectionReason

SAMPLE_ROWS = 10_000
_UNSEEN = 1 / 16  # `_has_good_row` skips at most this fraction of a log in one piece
_SAMPLE_BYTES = 4096
_SAMPLE_BLOCK = 1 << 16  # bytes whose rows are counted together


@dataclass(frozen=True)
class LogSample:
    """The first rows of a log; `rows = accepted + sum(rejected)`."""

    files: tuple[str, ...]  # all files of the log
    rows: int
    accepted: int
    rejected: dict[str, int]  # by reason
    whole: bool  # whether these are all rows of the log


def check_log(data: DataConfig) -> LogSample:
    """Check the header of each file, the first rows of the log, and the tables.

    A log is refused here only for what holds for all of it. If no sampled row is an interaction,
    further samples from the rest of the log decide. `IngestionReport.check` judges the exact counts.

    Args:
        data: the log, its tables and their reading options.

    Returns:
        The first rows, counted.

    Raises:
        InputError: the log or a table does not agree with the configuration.
    """
    files = match_files(data.path, "data.path")
    _check_tables(data)
    batches: list[pa.RecordBatch] = []
    headers = {}
    for name in files:
        text, to_the_end = _first_lines(name)
        headers[name] = _check_header(text, data, name)
        if not batches:
            batches = _first_batches(text, data, name)
    if not batches:
        raise no_rows(data)
    sample, rejected = _count(batches, data, files, to_the_end and len(files) == 1)
    _judge(sample, rejected, batches, data, headers)
    return sample


def _first_lines(name: str) -> tuple[bytes, bool]:
    """Return the whole lines among a file's first `READ_BYTES`, and whether the file ends there.

    Raises:
        InputError: the file cannot be read, or is not text in lines.
    """
    with closing(read_blocks(name)) as blocks:
        block = next(blocks, b"")
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            expected=f"text in UTF-8 in {name}",
            received="text in UTF-16",
            remedy="convert it: iconv -f UTF-16 -t UTF-8",
        )
    to_the_end = len(block) < READ_BYTES
    text = block if to_the_end else block[: block.rfind(b"\n") + 1]  # the next block continues the last line
    line = next(read_lines([text]), None)
    first = block[:80].decode("latin-1") if line is None else line
    if (block and line is None) or "\0" in first or "\r" in first.removesuffix("\n").removesuffix("\r"):
        carriage = "\r" in first and "\0" not in first
        raise InputError(
            expected=f"lines of text in {name}",
            received="lines that end in a carriage return alone" if carriage else f"binary data: {first[:40]!r}",
            remedy="convert it: tr '\\r' '\\n'"
            if carriage
            else f"check the path; the name of a compressed file must end in one of {', '.join(DECOMPRESSORS)}",
        )
    return text, to_the_end


def _check_header(text: bytes, data: DataConfig, name: str) -> tuple[str, ...] | None:
    """Return the header of a file, which must have the columns of the configuration; None for an empty file."""
    header = read_header(read_rows(read_lines([text]), data.delimiter, data.quote), data, name)
    if header is None:
        return None
    try:
        column_indices(header, needed_columns(data), name)
    except InputError:
        first = next(read_lines([text]))
        better = data.column_names is None and wrong_delimiter(first, len(header), needed_columns(data), data, name)
        if better:
            raise better from None
        raise
    return header


def _first_batches(text: bytes, data: DataConfig, name: str) -> list[pa.RecordBatch]:
    batches = []
    blocks = (text[start : start + _SAMPLE_BLOCK] for start in range(0, len(text), _SAMPLE_BLOCK))
    for batch in read_record_batches(blocks, data, name):
        batches.append(batch)
        if sum(batch.num_rows for batch in batches) >= SAMPLE_ROWS:
            break
    return batches


def _count(
    batches: list[pa.RecordBatch], data: DataConfig, files: tuple[str, ...], to_the_end: bool
) -> tuple[LogSample, RejectedCounts]:
    counter = CountRejected()
    rejected = counter.create_accumulator()
    for batch in batches:
        rejected = counter.add_input(rejected, validate(batch, data)[1])
    rows = sum(batch.num_rows for batch in batches)
    accepted = rows - sum(rejected.rows.values())
    return LogSample(files, rows, accepted, dict(rejected.rows), to_the_end and rows < SAMPLE_ROWS), rejected


def _judge(
    sample: LogSample,
    rejected: RejectedCounts,
    batches: list[pa.RecordBatch],
    data: DataConfig,
    headers: dict[str, tuple[str, ...] | None],
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
        hopeless = count == sample.rows and data.max_rejected_share < 1 - _UNSEEN and not _has_good_row(headers, data)
        if not hopeless:
            return
    worst = RejectionReason(max(sorted(bad), key=lambda reason: bad[reason]))
    example = rejected.samples[worst.value][0]
    if worst in (RejectionReason.TIMESTAMP_OUT_OF_RANGE, RejectionReason.BAD_TIMESTAMP):
        raise wrong_timestamp(batches, data, sample.rows, bad[worst.value])
    if worst is RejectionReason.WRONG_FIELD_COUNT and data.column_names:
        better = wrong_delimiter(example.raw, 1, None, data, example.file)
        if better:
            raise better
    if hopeless:
        raise InputError(
            expected=f"rows that are interactions in {data.path}",
            received=f"{sample.rows:,} rows of the first {sample.rows:,} rejected"
            + describe_rejected(bad, rejected.samples),
            remedy=remedy_for(bad),
        )


def _has_good_row(headers: dict[str, tuple[str, ...] | None], data: DataConfig) -> bool:
    """Return whether a row is an interaction, or rejected by a filter only, in samples from the whole log.

    The gaps between samples grow with the position. So a good part with more than `_UNSEEN` of the
    log is found, wherever it is.
    """
    position = next_sample = 0  # in bytes, over all files
    for name, header in headers.items():
        named = data.model_copy(update={"column_names": header})
        start = position
        for block in read_blocks(name) if header else ():
            while next_sample < position + len(block):
                here = max(next_sample, position)
                text, end = _lines_at(block, here - position, at_start=here == start)
                if here == start and data.column_names is None:
                    text = text.partition(b"\n")[2]  # after the header
                if any(_is_good(batch, named) for batch in read_record_batches([text], named, name)):
                    return True
                next_sample = max(position + end, here + int(here * _UNSEEN))
            position += len(block)
    return False


def _lines_at(block: bytes, offset: int, *, at_start: bool) -> tuple[bytes, int]:
    """Return whole lines of a block, about `_SAMPLE_BYTES` from an offset on, and where they end."""
    start = 0 if at_start else block.find(b"\n", max(offset - 1, 0)) + 1
    if not start and not at_start:
        return b"", len(block)
    end = block.find(b"\n", start + _SAMPLE_BYTES) + 1
    if not end:
        is_last = len(block) < READ_BYTES
        end = len(block) if is_last else block.rfind(b"\n") + 1
        return block[start:end], len(block)
    return block[start:end], end


def _is_good(batch: pa.RecordBatch, data: DataConfig) -> bool:
    accepted, rejected = validate(batch, data)
    return accepted.num_rows > 0 or RejectionReason.FILTERED.value in rejected.column(0).to_pylist()


def _check_tables(data: DataConfig) -> None:
    """Check the headers, the rows and the numbers of the tables of items and users."""
    if data.items:
        _check_table(data.items, [data.items.id, data.items.title])
    if data.users:
        _check_table(data.users, [data.users.id])
    check_table_rows(count_table_rows(data), data)
    for table in (data.items, data.users):
        if table and table.columns:
            collections.deque(read_table(table, data.null_values), maxlen=0)  # its errors name the line


def _check_table(table: ItemsTableConfig | UsersTableConfig, columns: Sequence[str]) -> None:
    """Check that each file of a table has these columns and those of its features."""
    for name in match_files(table.path, f"{table.setting}.path"):
        rows = read_rows(read_lines([_first_lines(name)[0]]), table.delimiter, table.quote)
        wanted = [*columns, *(column.column for column in table.columns.values())]
        column_indices(read_header_line(rows, name, table.setting) or [""], wanted, name)
