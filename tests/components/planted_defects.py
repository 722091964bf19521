"""Random logs with a known number of each defect, and what an ingestion must count in them."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.example_gen.counts.report import LEFT_OUT
from components.example_gen.sources.files import ENDINGS
from schemas.config.log import DataConfig
from schemas.rejection import ITEM_REASONS, RejectionReason
from tests.components.log_writers import WRITERS
from tests.components.logs import DAY_S, START_S

COLUMNS = ("user", "item", "time", "event", "price")
COMMON = [f"common {i}é" for i in range(4)]
MAX_PER_DAY, KEEP_LAST, MINIMUM = 6, 8, 3
_TEXT = ("csv", "jsonl")
_DUPLICATE = "duplicates"


@dataclass(frozen=True)
class Planted:
    """A row, and what becomes of it: a reason, a rule or `interactions`."""

    becomes: str
    row: dict[str, Any]  # values by column, or the bytes of a line as `raw`

    @property
    def key(self) -> tuple[Any, ...]:
        """What duplicates have in common."""
        return tuple(self.row.values())


def settings(path: Path, kind: str) -> DataConfig:
    """Return a configuration with all rules."""
    columns = {"user": "user", "item": "item", "timestamp": "time", "event": "event", "value": "price"}
    cleaning = {"max_per_day": MAX_PER_DAY, "drop_duplicates": True, "repeat_gap_s": 60, "keep_last": KEEP_LAST}
    return DataConfig.model_validate(
        {
            "path": str(path),
            "format": kind,
            "columns": columns,
            "timestamp": {"unit": "s"},
            "null_values": ["", "n/a"],
            "filters": [{"column": "event", "matches": "(?!drop).*"}],
            "cleaning": cleaning,
            "min_item_interactions": MINIMUM,
            "min_user_interactions": 2,
        }
    )


_NOT_CONFIGURED = ("no_session", "returned", "returns", "other_events")  # by `settings`


def possible(kind: str) -> list[str]:
    """Return the reasons and rules that files of a format can have."""
    reasons = [reason.value for reason in RejectionReason if kind == "csv" or reason.value != "wrong_field_count"]
    return [name for name in [*reasons, *LEFT_OUT] if name not in (*_NOT_CONFIGURED, *ITEM_REASONS)]


def _row(user: str, item: str, day: int, second: int = 0, **changed: Any) -> dict[str, Any]:
    row = {"user": user, "item": item, "time": str(START_S + day * DAY_S + second), "event": "view", "price": "1.5"}
    return {**row, **changed}


def plant(kind: str, counts: dict[str, int], draw: random.Random) -> list[Planted]:
    """Return the rows of a log in random order.

    Args:
        kind: the format.
        counts: how often to plant each of `possible(kind)`. A bot has more than one row, so these are bots.
        draw: the source of the order.
    """
    # Each person has all common items, one a day, so that no rule applies.
    people = [f"person {i}" for i in range(MINIMUM + max(counts.values()))]
    rows = [Planted("interactions", _row(user, item, day)) for user in people for day, item in enumerate(COMMON)]
    for name, count in counts.items():
        for number in range(count):
            rows += _defect(name, number, people[number], kind)
    draw.shuffle(rows)
    return rows


def _defect(name: str, number: int, person: str, kind: str) -> Iterator[Planted]:
    if name == "bots":
        yield from (Planted(name, _row(f"bot {number}", COMMON[i % 4], 0, i)) for i in range(MAX_PER_DAY + 1))
    elif name == "duplicates":
        yield Planted(name, _row(person, COMMON[0], 0))
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
        "no_user": [{"user": ""}, {"user": " "}, {"user": "n/a"}],
        "no_item": [{"item": ""}, {"item": "n/a "}],
        "bad_timestamp": [{"time": "yesterday"}, {"time": ""}],
        "timestamp_out_of_range": [{"time": "1600000000000"}, {"time": "0"}],
        "bad_number": [{"price": "cheap"}, {"price": "1e999"}],
        "filtered": [{"event": "drop"}],
    }
    lines = {
        ("csv", "malformed"): [b'u,"i"x,5,view,1', b'"open,i,5,view,1', b"u,i\0,5,view,1", b"u,i\rj,5,view,1"],
        ("csv", "wrong_field_count"): [b"u,i", b"u,i,5,view,1,1", b'"u,i,5,view,1"'],
        ("csv", "bad_encoding"): [b"u,caf\xe9,5,view,1"],
        ("jsonl", "malformed"): [b"{", b'["u"]', b'{"user": [1]}', b'{"user": "a\\u0000"}', b'{"user": "u"}x'],
        ("jsonl", "bad_encoding"): [b'{"user": "\xe9"}', b'{"user": "\\ud800"}'],
    }
    choices = [{"raw": line} for line in lines.get((kind, name), [])] or [{**row, **c} for c in changes[name]]
    return choices[number % len(choices)]


def write(rows: list[Planted], folder: Path, kind: str, files: int, draw: random.Random) -> dict[str, list[Planted]]:
    """Write rows to files, divided at random.

    Returns:
        The rows of each file, in the order of the files' names. Of equal rows, all but the first are duplicates.
    """
    folder.mkdir()
    cuts = sorted(draw.sample(range(1, len(rows)), files - 1))
    parts = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    seen: set[tuple[Any, ...]] = set()
    placed = {}
    for number, part in enumerate(parts):
        path = folder / f"part-{number:02d}{ENDINGS[kind][0]}"
        _write_file(path, [each.row for each in part], kind)
        placed[str(path)] = list(part)
        for index, each in enumerate(part):
            if each.becomes in ("interactions", _DUPLICATE):
                becomes = _DUPLICATE if each.key in seen else "interactions"
                placed[str(path)][index] = replace(each, becomes=becomes)
                seen.add(each.key)
    return placed


def _write_file(path: Path, rows: list[dict[str, Any]], kind: str) -> None:
    if kind in _TEXT:
        head = [",".join(COLUMNS).encode()] if kind == "csv" else []
        path.write_bytes(b"".join(line + b"\n" for line in [*head, *(_line(row, kind) for row in rows)]))
    else:  # bytes, because some are not UTF-8
        content = [{name: v if isinstance(v, bytes) else v.encode() for name, v in row.items()} for row in rows]
        WRITERS[kind](path, content)


def _line(row: dict[str, Any], kind: str) -> bytes:
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
    rejected = {reason.value: counts[reason.value] for reason in RejectionReason if counts[reason.value]}
    return {
        "rows_read": len(rows),
        "rows_accepted": len(rows) - sum(rejected.values()),
        "rows_rejected": rejected,
        "rows_left_out": {rule: counts[rule] for rule in LEFT_OUT if counts[rule]},
        "interactions": counts["interactions"],
    }
