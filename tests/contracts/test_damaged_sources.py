"""A damaged file of any format gives rows or an `InputError`, and each of its rows is accepted or rejected."""

import contextlib
import random
from pathlib import Path

import pytest

from components.example_gen.preflight import check_log
from components.example_gen.sources.source import SOURCES, read_log_file
from components.example_gen.validation.rows import validate
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.log_writers import WRITERS, Table
from tests.components.logs import START_S

TABLE: Table = [
    {"user": f"ü{i % 7}", "item": i % 5, "time": START_S + i, "event": None if i % 3 else "buy"} for i in range(60)
]
VARIANTS = 400


def damaged(content: bytes, seed: int) -> bytes:
    """Return the content with a few bits flipped, bytes replaced, left out or inserted."""
    draw, changed = random.Random(seed), bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5])):
        place, kind = draw.randrange(len(changed)), draw.random()
        if kind < 0.6:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind < 0.8:
            changed[place] = draw.randrange(256)
        elif kind < 0.9:
            del changed[place : place + draw.randrange(1, 9)]
        else:
            changed[place:place] = draw.randbytes(3)
    return bytes(changed)


@pytest.mark.parametrize("kind", SOURCES)
def test_damaged_file_gives_rows_or_an_input_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    WRITERS[kind](path, TABLE)
    content = path.read_bytes()
    columns = {"user": "user", "item": "item", "timestamp": "time", "event": "event"}
    settings = DataConfig.model_validate(
        {"path": str(path), "format": kind, "columns": columns, "timestamp": {"unit": "s"}}
    )
    rows, messages = 0, []
    for seed in range(VARIANTS):
        path.write_bytes(damaged(content, seed))
        try:
            for batch in read_log_file(str(path), settings):
                batch.validate(full=True)
                accepted, rejected = validate(batch, settings)
                assert accepted.num_rows + rejected.num_rows == batch.num_rows
                rows += batch.num_rows
        except InputError as error:
            messages.append(str(error))
        if seed % 8 == 0:
            with contextlib.suppress(InputError):
                check_log(settings)

    assert all(str(path) in message for message in messages)
    assert messages or kind == "jsonl"  # a damaged line is a rejected row
    assert rows or kind == "tfrecord"  # its checksums find every damage
