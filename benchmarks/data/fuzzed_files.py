"""Log files with random damage, and their check: an exact count, or an `InputError` that names the file."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import google_crc32c
import pyarrow as pa
import tensorflow as tf
import zstandard
from pyarrow import parquet

from components.example_gen.counts.file_counts import FILES_FILE
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import MakePipeline, ingest
from components.example_gen.preflight import check_log
from components.example_gen.sources.csv_rows import read_header, read_lines, read_rows
from components.example_gen.sources.files import read_blocks
from components.example_gen.sources.source import SOURCES, needed_columns, read_log_file
from components.example_gen.validation.rows import validate
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import ERROR, FILE, LINE

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    ".zst": lambda content: zstandard.ZstdCompressor().compress(content),
    ".deflate": zlib.compress,
}
COLUMNS = ("user", "item", "time", "event", "price")
LONG_FIELD = 10 << 20
_START_S = 1_600_000_000
_ODD_TEXTS = (
    "שלום עולם",
    "مرحبا",
    "\u202eabc\u202c",  # right to left
    "\ufeffu",
    "a\0b",
    "a\nb",
    "a\r\nb",
    "a\u2028b",
    "\u0085",
    'a"b',
    "a,b",
    "n/a",
    "",
    " ",
    "😀",
    "e\u0301",
    "-0",
    "1e400",
    "NaN",
    "9" * 400,
    "null",
)
_ODD_BYTES = (b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\r\n", b"\n", b'"', b'""', b",", b"\xc3", b"\xed\xa0\x80")
_ODD_JSON = (
    b'{"user": {"user": 1}, "item": [1]}',
    b"[" * 3_000,
    b'{"user":' * 2_000 + b"1" + b"}" * 2_000,
    b'{"user": "\\ud800", "item": "\\u0000"}',
    b'{"user": 1, "user": 2, "item": 7.00, "time": 16e8}',
    b"NaN",
    b'{"user": 123456789012345678901234567890, "item": -0, "time": 1600000000}',
)


class FuzzedFile(NamedTuple):
    """A file that was written with random damage."""

    path: Path
    kind: str
    damage: tuple[str, ...]

    @property
    def settings(self) -> DataConfig:
        """The configuration that reads it."""
        columns = {"user": "user", "item": "item", "timestamp": "time", "event": "event", "value": "price"}
        return DataConfig.model_validate(
            {
                "path": str(self.path),
                "format": self.kind,
                "columns": columns,
                "timestamp": {"unit": "s"},
                "null_values": ["", "n/a"],
            }
        )


def write_fuzzed(seed: int, folder: Path) -> FuzzedFile:
    """Write a file. Equal seeds give equal files.

    Args:
        seed: the choice of format, compression, content and damage.
        folder: where to write.
    """
    draw = random.Random(seed)
    kind = draw.choice(list(SOURCES))
    damage: list[str] = []
    rows = _table(draw, damage)
    content = _WRITERS[kind](rows, draw)
    for _ in range(draw.choice([0, 1, 1, 2, 5])):
        content = _damaged(content, kind, draw, damage)
    ending = ""
    if kind in ("csv", "jsonl", "tfrecord") and draw.random() < 0.5:
        ending = draw.choice(list(COMPRESSORS))
        content = _compressed(content, ending, draw)
        if draw.random() < 0.4:
            content = _damaged(content, "compressed", draw, damage)
    path = folder / f"{seed}.{kind}{ending}"
    path.write_bytes(content)
    return FuzzedFile(path, kind, tuple(damage))


def _table(draw: random.Random, damage: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "user": f"u{draw.randrange(9)}",
            "item": f"ü {draw.randrange(9)}",
            "time": str(_START_S + draw.randrange(10**7)),
            "event": draw.choice(["view", "buy", ""]),
            "price": draw.choice(["1.5", "2", ""]),
        }
        for _ in range(draw.choice([0, 1, 2, 30, 60, 300]))
    ]
    for row in rows if draw.random() < 0.5 else ():
        if draw.random() < 0.2:
            row[draw.choice(COLUMNS)] = draw.choice(_ODD_TEXTS)
    if rows and draw.random() < 0.02:
        damage.append("long field")
        draw.choice(rows)[draw.choice(COLUMNS)] = draw.choice(["x", "é", "7"]) * LONG_FIELD
    return rows


def _csv(rows: list[dict[str, Any]], draw: random.Random) -> bytes:
    end = draw.choice(["\n", "\r\n", "mixed", "mixed with CR"])
    ends = {"mixed": ["\n", "\r\n"], "mixed with CR": ["\n", "\r\n", "\r"]}.get(end, [end])
    lines = [list(COLUMNS), *(list(row.values()) for row in rows)]
    return "".join(",".join(map(_quoted, fields)) + draw.choice(ends) for fields in lines).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\n\r') else text


def _jsonl(rows: list[dict[str, Any]], draw: random.Random) -> bytes:
    as_ascii = draw.random() < 0.5
    lines = [json.dumps(row, ensure_ascii=as_ascii).encode() for row in rows]
    return b"".join(line + draw.choice([b"\n", b"\n", b"\r\n"]) for line in lines)


def _parquet(rows: list[dict[str, Any]], draw: random.Random) -> bytes:
    table = pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in COLUMNS]))
    numbers = [int(row["time"]) if row["time"].isdigit() and len(row["time"]) < 19 else None for row in rows]
    kind = draw.choice([pa.string(), pa.int64(), pa.timestamp("us")])
    if kind != pa.string():
        times = pa.array([n and min(n * 10**6, 2**62) for n in numbers], pa.int64())
        table = table.set_column(2, "time", times.cast(kind) if kind != pa.int64() else pa.array(numbers, kind))
    if draw.random() < 0.3:
        table = table.set_column(0, "user", table["user"].cast(pa.binary()))
    file = io.BytesIO()
    parquet.write_table(
        table,
        file,
        row_group_size=draw.choice([7, 100]),
        compression=draw.choice(["none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        use_dictionary=draw.random() < 0.5,
        version=draw.choice(["1.0", "2.6"]),
        data_page_version=draw.choice(["1.0", "2.0"]),
        data_page_size=draw.choice([64, 1 << 20]),
    )
    return file.getvalue()


def _avro(rows: list[dict[str, Any]], draw: random.Random) -> bytes:
    optional = draw.random() < 0.5
    fields = [{"name": name, "type": ["null", "string"] if optional else "string"} for name in COLUMNS]
    file = io.BytesIO()
    codec, interval = (
        draw.choice(["null", "deflate", "bzip2", "xz", "snappy", "lz4"]),
        draw.choice([100, 16_000]),
    )
    fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, rows, codec, interval)
    return file.getvalue()


def _tfrecord(rows: list[dict[str, Any]], draw: random.Random) -> bytes:
    records = [_example(row, draw) for row in rows]
    for index in range(len(records)):
        if draw.random() < 0.02:  # with a right checksum
            records[index] = _flipped(records[index], draw)
    return b"".join(map(_framed, records))


def _example(row: dict[str, str], draw: random.Random) -> bytes:
    features = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode()])) for name, v in row.items()}
    if draw.random() < 0.1:
        numbers = [draw.randrange(-(2**63), 2**63) for _ in range(draw.randrange(3))]
        features[draw.choice(COLUMNS)] = tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True))


def _framed(record: bytes) -> bytes:
    """Return a record as TFRecord stores it."""
    length = struct.pack("<Q", len(record))
    return length + _checksum(length) + record + _checksum(record)


def _checksum(content: bytes) -> bytes:
    value = google_crc32c.value(content)
    return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


_WRITERS: dict[str, Callable[[list[dict[str, Any]], random.Random], bytes]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "avro": _avro,
    "tfrecord": _tfrecord,
}


def _compressed(content: bytes, ending: str, draw: random.Random) -> bytes:
    """Return the content in one or more streams."""
    if ending in (".gz", ".bz2", ".xz", ".zst") and draw.random() < 0.3:
        cut = draw.randrange(len(content) + 1)
        between = b"\0" * draw.choice([0, 0, 4, 512])
        return COMPRESSORS[ending](content[:cut]) + between + COMPRESSORS[ending](content[cut:])
    return COMPRESSORS[ending](content)


def _damaged(content: bytes, kind: str, draw: random.Random, damage: list[str]) -> bytes:
    if not content:
        return content
    ways: dict[str, Callable[[], bytes]] = {
        "flipped": lambda: _flipped(content, draw),
        "cut": lambda: content[: draw.randrange(len(content))],
        "removed": lambda: _spliced(content, draw, b"", draw.randrange(1, 40)),
        "inserted": lambda: _spliced(content, draw, draw.randbytes(draw.randrange(1, 9))),
        "zeros": lambda: _spliced(content, draw, bytes(draw.choice([1, 16])), draw.choice([0, 16])),
        "repeated": lambda: content + content[draw.randrange(len(content)) :],
    }
    if kind in ("csv", "jsonl"):
        ways["odd bytes"] = lambda: _spliced(content, draw, draw.choice(_ODD_BYTES))
        ways["odd bytes twice"] = lambda: _spliced(ways["odd bytes"](), draw, draw.choice(_ODD_BYTES))
        ways["BOM"] = lambda: b"\xef\xbb\xbf" * draw.choice([1, 2]) + content
        ways["UTF-16"] = lambda: content.decode("utf-8", "replace").encode("utf-16")
        ways["latin-1"] = lambda: content.decode("utf-8", "replace").encode("latin-1", "replace")
        ways["field dropped"] = lambda: _without_field(content, draw)
        ways["no last line end"] = lambda: content.rstrip(b"\r\n")
        ways["odd line"] = lambda: _with_line(content, draw, draw.choice([*_ODD_JSON, b"", b"\r", b" ", b",,,,"]))
        ways["CR"] = lambda: content.replace(b"\n", b"\r")
    name = draw.choice(list(ways))
    damage.append(name)
    return ways[name]()


def _flipped(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20])):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _spliced(content: bytes, draw: random.Random, new: bytes, removed: int = 0) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + new + content[place + removed :]


def _without_field(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    index = draw.randrange(len(lines))
    fields = lines[index].split(b",")
    del fields[draw.randrange(len(fields))]
    return b"\n".join([*lines[:index], b",".join(fields), *lines[index + 1 :]])


def _with_line(content: bytes, draw: random.Random, line: bytes) -> bytes:
    lines = content.split(b"\n")
    lines.insert(draw.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def check_file(file: FuzzedFile) -> str:
    """Read a file as an ingestion does, and check that each of its rows is accepted or rejected.

    Args:
        file: the file.

    Returns:
        `rows` or `refused`.

    Raises:
        AssertionError: a row is lost or counted twice, or an error does not name the file.
    """
    settings = file.settings
    try:
        batches = list(read_log_file(str(file.path), settings))
    except InputError as error:
        _check_error(error, file)
        return "refused"
    lines: list[int] = []
    for batch in batches:
        batch.validate(full=True)
        accepted, rejected = validate(batch, settings)
        assert accepted.num_rows + rejected.num_rows == batch.num_rows > 0
        assert set(batch.column(batch.schema.get_field_index(FILE)).to_pylist()) == {str(file.path)}
        lines += batch.column(batch.schema.get_field_index(LINE)).to_pylist()
    assert len(set(lines)) == len(lines), "two rows of one line"
    assert sorted(lines) == _expected_lines(file, lines)
    if file.kind == "csv":
        _check_exact_way(batches, file)
    return "rows"


def _expected_lines(file: FuzzedFile, found: list[int]) -> list[int]:
    """Return the lines of all rows, found in another way than the source's where there is one."""
    if file.kind == "csv":
        return [row[0] for row in _exact_rows(file)]
    if file.kind == "jsonl":
        content = b"".join(read_blocks(str(file.path))).removeprefix(b"\xef\xbb\xbf")
        return [number for number, line in enumerate(content.split(b"\n"), 1) if line.strip(b" \t\r")]
    return list(range(1, len(found) + 1))


def _exact_rows(file: FuzzedFile) -> list[tuple[Any, ...]]:
    """Return the rows of a delimited file that the row reader finds: line, error, needed values."""
    settings = file.settings
    lines = read_lines(read_blocks(str(file.path)))
    rows = read_rows(lines, settings.delimiter, settings.quote)
    header = read_header(rows, settings, str(file.path)) or ()
    indices = [header.index(name) for name in needed_columns(settings)] if header else []
    return [(row.line, row.error, *(row.fields[index] if row.fields else None for index in indices)) for row in rows]


def _check_exact_way(batches: list[pa.RecordBatch], file: FuzzedFile) -> None:
    names = (LINE, ERROR, *needed_columns(file.settings))
    found = [tuple(row[name] for name in names) for batch in batches for row in batch.to_pylist()]
    assert sorted(found, key=lambda row: row[0]) == _exact_rows(file), "the quick and the exact way differ"


def check_preflight(file: FuzzedFile) -> None:
    """Check a file as before a run: it is accepted, or refused by an `InputError`.

    Args:
        file: the file.
    """
    with contextlib.suppress(InputError):
        check_log(file.settings)


def check_ingestion(file: FuzzedFile, make_pipeline: MakePipeline, output: str) -> None:
    """Ingest a file, and check its counts.

    Args:
        file: the file.
        make_pipeline: returns a Beam pipeline.
        output: a folder.

    Raises:
        AssertionError: the counts do not add up, or an error does not name the file.
    """
    try:
        ingest(make_pipeline, file.settings, LeaveOneOutConfig(), HistoryConfig(max_length=5), output)
    except InputError as error:
        _check_error(error, file)
        return
    report = IngestionReport.read(output)
    assert report.rows_read == report.rows_accepted + sum(report.rows_rejected.values())
    assert report.rows_accepted == report.interactions == sum(report.roles.values())
    of_files = [json.loads(line) for line in Path(output, FILES_FILE).read_text(encoding="utf-8").splitlines()]
    assert [row["file"] for row in of_files] == [str(file.path)]  # also without a row
    for row in of_files:
        assert (row["rows_read"], row["rows_accepted"]) == (report.rows_read, report.rows_accepted)
        assert row["rows_rejected"] == report.rows_rejected


def _check_error(error: InputError, file: FuzzedFile) -> None:
    assert str(file.path) in str(error), f"the error does not name the file: {error}"
    assert len(str(error)) < 5_000, "the error is too long"
