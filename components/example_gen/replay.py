"""Replay: the rejected rows of a former ingestion are read again, with a corrected configuration."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
import tensorflow as tf

from components.example_gen.cleaning.kept_rows import KeptRows
from components.example_gen.counts.report import IngestionReport
from components.example_gen.sources.csv_rows import whole_lines
from components.example_gen.sources.files import read_blocks
from components.example_gen.sources.source import (
    columns_in_file,
    has_bytes,
    needed_columns,
    reread_rows,
    to_record_batch,
)
from components.example_gen.sources.typed_rows import UNREADABLE
from components.example_gen.validation.dead_letters import REJECTED_FOLDER
from schemas.config.filters import FilterConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError

BATCH_ROWS = 32_768
# Settings for rows that are accepted already. Any other setting may change what an accepted row is.
_AFTER_READING = {
    "max_rejected_share",
    "max_rejected_share_by_reason",
    "cleaning",
    "min_item_interactions",
    "min_user_interactions",
    "users",
    "keep_interactions",
}
_REMEDY = "run on the whole log: temporec run"


def check_replay(kept: KeptRows, data: DataConfig, origin: Mapping[str, str]) -> None:
    """Check that each accepted row would be the same interaction now.

    Args:
        kept: what the former ingestion has kept.
        data: the reading options now.
        origin: the files and the code now, see `ingest`.

    Raises:
        InputError: a file, the code or a setting has changed.
    """
    for name, text in origin.items():
        if kept.origin.get(name) != text:
            raise InputError(
                expected=f"the same {name} as when the rows were rejected: {kept.origin.get(name)}",
                received=text,
                remedy=_REMEDY,
            )
    former = DataConfig.model_validate(kept.data)
    changed = [name for name in DataConfig.model_fields if not _may_differ(name, former, data)]
    if changed:
        raise InputError(
            expected="changes of `data` that leave each accepted row as it is: a further time format at the end,"
            " a filter removed or widened, limits, cleaning and minimums",
            received="".join(
                f"\n  data.{name}: {_shown(data, name)}, before {_shown(former, name)}" for name in changed
            ),
            remedy=_REMEDY,
        )
    _check_values(kept, former, data)


def check_count(kept: KeptRows, read: int) -> None:
    """Check that no dead letter was lost.

    Args:
        kept: what the former ingestion has kept.
        read: the number of rows that were read from its dead letters.

    Raises:
        InputError: it has rejected more rows, or fewer.
    """
    rejected = sum(IngestionReport.read(kept.directory).rows_rejected.values())
    if read != rejected:
        raise InputError(
            expected=f"{rejected:,} rejected rows in {kept.directory}/{REJECTED_FOLDER}",
            received=f"{read:,}",
            remedy=_REMEDY,
        )


def _may_differ(name: str, former: DataConfig, data: DataConfig) -> bool:
    """Return whether a setting is equal, or its new value leaves all accepted rows as they are."""
    if name == "filters":
        return all(any(_is_as_wide(rule, old) for old in former.filters) for rule in data.filters)
    if name == "timestamp":
        before, now = former.timestamp.formats, data.timestamp.formats
        return former.timestamp.unit == data.timestamp.unit and now[: len(before)] == before
    return name in _AFTER_READING or getattr(former, name) == getattr(data, name)


def _is_as_wide(rule: FilterConfig, old: FilterConfig) -> bool:
    """Return whether a filter keeps all rows that another one keeps."""
    conditions = FilterConfig.model_fields.keys() - {"column"}
    return rule.column == old.column and all(
        _is_no_stricter(name, getattr(rule, name), getattr(old, name)) for name in conditions
    )


def _is_no_stricter(name: str, value: Any, old: Any) -> bool:
    """Return whether each value that meets a condition of a filter meets it with another bound, too."""
    if value is None or value == old:
        return True
    if old is None or name == "matches":
        return False
    if name == "one_of":
        return {*old} <= {*value}
    return bool(value <= old if name in ("above", "at_least") else value >= old)


def _shown(data: DataConfig, name: str) -> str:
    return json.dumps(data.model_dump(mode="json", exclude_none=True, include={name}).get(name), ensure_ascii=False)


def _check_values(kept: KeptRows, former: DataConfig, data: DataConfig) -> None:
    """Check that no row was rejected for a value that is not read any more and that is not in its dead letter."""
    rejected = IngestionReport.read(kept.directory).rows_rejected
    unreadable = [reason for reason in UNREADABLE if reason in rejected]
    dropped = [column for column in needed_columns(former) if column not in needed_columns(data)]
    if unreadable and dropped and not has_bytes(data.format):
        raise InputError(
            expected=f"rows of {data.format} that were read as text",
            received=f"rows that are {' and '.join(unreadable)}, maybe in the column {dropped[0]!r}, which is now"
            " unused",
            remedy=_REMEDY,
        )


class ReadLetters(beam.PTransform):
    """Source of the rejected rows of a former ingestion, with their former file and line.

    Args:
        kept: what the ingestion has kept.
        data: the reading options now.
    """

    def __init__(self, kept: KeptRows, data: DataConfig) -> None:
        super().__init__()
        self._kept = kept
        self._data = data

    def expand(self, pbegin: Any) -> beam.PCollection:
        """Return record batches of `raw_schema(needed_columns(data))`."""
        return (
            pbegin
            | "DeadLetters" >> beam.Create([f"{self._kept.directory}/{REJECTED_FOLDER}"])
            | "ListLetters" >> beam.FlatMap(_list)
            | "SpreadLetters" >> beam.Reshuffle()
            | "ReadLetters" >> beam.FlatMap(read_letters, self._data)
        )


def _list(folder: str) -> Iterator[str]:
    if tf.io.gfile.isdir(folder):  # there is none without rejected rows
        yield from (f"{folder}/{name}" for name in tf.io.gfile.listdir(folder))


def read_letters(path: str, data: DataConfig) -> Iterator[pa.RecordBatch]:
    """Yield the rows in a file of dead letters.

    Args:
        path: the file; all its rows are of one file of the log.
        data: the reading options of the log.

    Yields:
        Batches of `raw_schema(needed_columns(data))`.

    Raises:
        InputError: the file is damaged, or the file of the log is.
    """
    lines = (line for piece in whole_lines(read_blocks(path)) for line in piece.splitlines())
    while letters := [orjson.loads(line) for line in itertools.islice(lines, BATCH_ROWS)]:
        file = letters[0]["file"]
        columns = columns_in_file(data, file)
        reasons = [letter["reason"] for letter in letters]
        rows = reread_rows([_content(letter) for letter in letters], reasons, file, data, columns)
        lines_of_log = pa.array([letter["line"] for letter in letters], pa.int64())
        yield to_record_batch(rows._replace(lines=lines_of_log), columns, data, file)


def _content(letter: Mapping[str, Any]) -> bytes:
    """Return the bytes of a row, with a line end, so that no carriage return before it is taken for one."""
    exact = letter.get("raw_base64")
    return (letter["raw"].encode("utf-8") if exact is None else base64.b64decode(exact)) + b"\r\n"
