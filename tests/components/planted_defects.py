"""Random logs with a known number of each defect, and what an ingestion must count in them."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.data.fuzzed_files import COMPRESSORS
from components.example_gen.counts.report import LEFT_OUT
from components.example_gen.sources.files import ENDINGS
from components.example_gen.sources.source import needed_columns
from schemas.config.log import DataConfig
from schemas.rejection import ITEM_REASONS, RejectionReason
from tests.components.log_writers import COMPRESSED_ITSELF, WRITERS
from tests.components.logs import DAY_S, START_S

COLUMNS = ("user", "item", "time", "event", "price", "units", "visit", "note")  # the note is not configured
COMMON = [f"common {i}é" for i in range(4)]
MAX_PER_DAY, KEEP_LAST, MINIMUM = 6, 8, 3
NOTES = ("", "plain", 'a, "b"', 'a "quoted" one\nuser,item,1600000000,view,1.5,1,v,looks like a row\nbut is no row')
REASONS = [reason.value for reason in RejectionReason if reason not in ITEM_REASONS]
_TEXT = ("csv", "jsonl")
_DUPLICATE = "duplicates"


@dataclass(frozen=True)
class Planted:
    """A row, and what becomes of it: a reason, a rule or `interactions`."""

    becomes: str
    row: dict[str, Any]  # values by column, or the bytes of a line as `raw`
    line: int = 0  # in its file

    @property
    def key(self) -> tuple[Any, ...]:
        """What duplicates have in common."""
        return tuple(value for name, value in self.row.items() if name != "note")


def settings(path: Path, kind: str) -> DataConfig:
    """Return a configuration with all rules."""
    columns = {"user": "user", "item": "item", "timestamp": "time", "event": "event", "value": "price"}
    cleaning = {
        "max_per_day": MAX_PER_DAY,
        "drop_duplicates": True,
        "returns": {"column": "units"},
        "repeat_gap_s": 60,
        "keep_last": KEEP_LAST,
    }
    return DataConfig.model_validate(
        {
            "path": str(path),
            "format": kind,
            "columns": {**columns, "session": "visit"},
            "timestamp": {"unit": "s"},
            "null_values": ["", "n/a"],
            "filters": [{"column": "event", "matches": "(?!drop).*"}],
            "events": {"view": 1.0},
            "cleaning": cleaning,
            "min_item_interactions": MINIMUM,
            "min_user_interactions": 2,
        }
    )


def possible(kind: str) -> list[str]:
    """Return the reasons and rules that files of a format can have."""
    return [name for name in [*REASONS, *LEFT_OUT] if kind == "csv" or name != "wrong_field_count"]


def _row(user: str, item: str, day: int, second: int = 0, **changed: Any) -> dict[str, Any]:
    time = str(START_S + day * DAY_S + second)
    row = {"user": user, "item": item, "time": time, "event": "view", "price": "1.5", "units": None, "visit": "v"}
    return {**row, "note": "", **changed}


def plant(kind: str, counts: dict[str, int], draw: random.Random) -> list[Planted]:
    """Return the rows of a log in random order.

    Args:
        kind: the format.
        counts: how often to plant each of `possible(kind)`. A bot has more than one row, so these are bots. A purchase
            that is returned comes with its return.
        draw: the source of the order.
    """
    # Each person has all common items, one a day, so that no rule applies.
    people = [f"person {i}" for i in range(MINIMUM + max(counts.values()))]
    rows = [Planted("interactions", _row(user, item, day)) for user in people for day, item in enumerate(COMMON)]
    for name, count in counts.items():
        for number in range(count):
            rows += _defect(name, number, people[number], kind)
    draw.shuffle(rows)
    return [each if "raw" in each.row else _with_note(each, draw.choice(NOTES)) for each in rows]


def _with_note(planted: Planted, note: str) -> Planted:
    return replace(planted, row={**planted.row, "note": note})


def _defect(name: str, number: int, person: str, kind: str) -> Iterator[Planted]:
    if name == "bots":
        yield from (Planted(name, _row(f"bot {number}", COMMON[i % 4], 0, i)) for i in range(MAX_PER_DAY + 1))
    elif name == "duplicates":
        yield Planted(name, _row(person, COMMON[0], 0))
    elif name == "returned":
        yield Planted(name, _row(person, COMMON[3], 6, units="2"))
        yield Planted("returns", _row(person, COMMON[3], 7, units="-2"))
    elif name == "returns":
        yield Planted(name, _row(person, COMMON[2], 7, units="-1"))
    elif name == "other_events":
        yield Planted(name, _row(person, COMMON[0], 6, event="cart"))
    elif name == "repeats":
        yield Planted(name, _row(person, COMMON[1], 1, 60))
    elif name == "older":
        # Ten days before anything else of a user with as many interactions as are kept.
        yield Planted(name, _row(f"old {number}", COMMON[0], -10))
        yield from (Planted("interactions", _row(f"old {number}", COMMON[i % 4], i)) for i in range(KEEP_LAST))
    elif name == "below_item_minimum":
        yield Planted(name, _row(person, f"rare {number // 2}", 4 + number % 2))
    elif name == "below_user_minimum":
        yield Planted(name, _row(f"once {number}", COMMON[0], 0))
    else:
        yield Planted(name, _rejected(name, number, kind))


def _rejected(name: str, number: int, kind: str) -> dict[str, Any]:
    row = _row("person 0", COMMON[0], 0)
    changes: dict[str, list[dict[str, Any]]] = {
        "malformed": [{"item": "a\0b"}, {"user": "a\nb"}],
        "bad_encoding": [{"item": b"caf\xe9"}],
        "no_user": [{"user": ""}, {"user": None}, {"user": " "}, {"user": "n/a"}],
        "no_item": [{"item": None}, {"item": "n/a "}, {"item": ""}],
        "no_session": [{"visit": ""}, {"visit": None}, {"visit": "n/a"}],
        "bad_timestamp": [{"time": "yesterday"}, {"time": ""}],
        "timestamp_out_of_range": [{"time": "1600000000000"}, {"time": "0"}],
        "bad_number": [{"price": "cheap"}, {"price": "1e999"}, {"units": "many"}],
        "filtered": [{"event": "drop"}],
    }
    lines = {
        ("csv", "malformed"): [
            b'u,"i"x,5,view,1,1,v,',
            b'"open,i,5,view,1,1,v,',
            b"u,i\0,5,view,1,1,v,",
            b"u,i\rj,5,view,1,1,v,",
            b'"u\nu",i,5,view,1,1,v,',
        ],
        ("csv", "wrong_field_count"): [b"u,i", b"u,i,5,view,1,1,v,,", b'"u,i,5,view,1,1,v,"'],
        ("csv", "bad_encoding"): [b"u,caf\xe9,5,view,1,1,v,"],
        ("jsonl", "malformed"): [b"{", b'["u"]', b'{"user": [1]}', b'{"user": "a\\u0000"}', b'{"user": "u"}x'],
        ("jsonl", "bad_encoding"): [b'{"user": "\xe9"}', b'{"user": "\\ud800"}'],
    }
    choices = [{"raw": line} for line in lines.get((kind, name), [])] or [{**row, **c} for c in changes[name]]
    return choices[number % len(choices)]


def write(rows: list[Planted], folder: Path, kind: str, files: int, draw: random.Random) -> dict[str, list[Planted]]:
    """Write rows to files, divided at random. Some are compressed.

    Returns:
        The rows of each file, in the order of the files' names, with their lines. Of equal rows, all but the first are
        duplicates.
    """
    folder.mkdir()
    cuts = sorted(draw.sample(range(1, len(rows)), files - 1))
    parts = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    seen: set[tuple[Any, ...]] = set()
    placed = {}
    for number, part in enumerate(parts):
        path, lines = _write_file(folder / f"part-{number:02d}{ENDINGS[kind][0]}", part, kind, draw)
        placed[str(path)] = [replace(each, line=line) for each, line in zip(part, lines, strict=True)]
        for index, each in enumerate(placed[str(path)]):
            if each.becomes in ("interactions", _DUPLICATE):
                becomes = _DUPLICATE if each.key in seen else "interactions"
                placed[str(path)][index] = replace(each, becomes=becomes)
                seen.add(each.key)
    return placed


def _write_file(path: Path, rows: list[Planted], kind: str, draw: random.Random) -> tuple[Path, list[int]]:
    """Return the file that was written, and the line of each row."""
    lines = list(range(1, len(rows) + 1))
    if kind in _TEXT:
        content, lines = _text([_line(each, kind) for each in rows], kind, draw)
        path.write_bytes(content)
    else:  # bytes, because some are not UTF-8
        WRITERS[kind](path, [{name: _bytes(value) for name, value in each.row.items()} for each in rows])
    if kind in COMPRESSED_ITSELF or draw.random() < 0.6:
        return path, lines
    ending = draw.choice(list(COMPRESSORS))
    compressed = path.with_name(path.name + ending)
    compressed.write_bytes(COMPRESSORS[ending](path.read_bytes()))
    path.unlink()
    return compressed, lines


def _text(rows: list[bytes], kind: str, draw: random.Random) -> tuple[bytes, list[int]]:
    """Return lines with blank ones between them, and the number of each row's first line. The last may have no end."""
    content = draw.choice([b"", b"\xef\xbb\xbf"]) + (",".join(COLUMNS).encode() + b"\n" if kind == "csv" else b"")
    lines = []
    for row in rows:
        content += draw.choice([b"", b"", b"", b"\n", b"\r\n"])
        lines.append(content.count(b"\n") + 1)
        content += row + draw.choice([b"\n", b"\n", b"\r\n"])
    return content.removesuffix(draw.choice([b"", b"\n", b"\r\n"])), lines


def _bytes(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _line(planted: Planted, kind: str) -> bytes:
    row = planted.row
    if "raw" in row:
        raw: bytes = row["raw"]
        return raw
    if kind == "jsonl":
        return json.dumps(row, ensure_ascii=False).encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row.values())
    return text.getvalue().encode()


def expected(rows: list[Planted]) -> dict[str, Any]:
    """Return the counts of a file as `files.jsonl` has them, without its name."""
    counts = Counter(each.becomes for each in rows)
    rejected = {reason: counts[reason] for reason in REASONS if counts[reason]}
    return {
        "rows_read": len(rows),
        "rows_accepted": len(rows) - sum(rejected.values()),
        "rows_rejected": rejected,
        "rows_left_out": {rule: counts[rule] for rule in LEFT_OUT if counts[rule]},
        "interactions": counts["interactions"],
    }


def letters(rows: list[Planted], file: str, log: DataConfig) -> list[dict[str, Any]]:
    """Return the dead letters of a file of the log, in the order of its lines."""
    found = []
    for each in rows:
        if each.becomes not in REASONS:
            continue
        content = _line(each, log.format) if log.format in _TEXT else _json(each, log)
        raw = content.decode("utf-8", "backslashreplace")
        letter: dict[str, Any] = {"reason": each.becomes, "file": file, "line": each.line, "raw": raw}
        if raw.encode() != content:
            letter["raw_base64"] = base64.b64encode(content).decode()
        found.append(letter)
    return found


def _json(planted: Planted, log: DataConfig) -> bytes:
    """Return the configured columns of a row as an object of texts."""
    values = {name: _bytes(planted.row[name]) or b"" for name in needed_columns(log)}
    texts = {name: value.decode("utf-8", "backslashreplace") for name, value in values.items()}
    return json.dumps(texts, ensure_ascii=False).encode()
