"""Time the stages of an ingestion one after the other, without Beam: where the time goes.

    .venv/bin/python -m benchmarks.data.stages --work runs/data

Each stage is a function of `components.example_gen`, run on all of its input before the next one starts. Nothing else
should be running.
"""

from __future__ import annotations

import gzip
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import pyarrow as pa
import tensorflow as tf
import typer

from benchmarks.data.generate import DIRTY, write_log
from benchmarks.provenance import circumstances
from components.example_gen.cleaning.shard_work import Work, load_timelines, shard_work
from components.example_gen.examples.example_encoder import encode_examples
from components.example_gen.examples.histories import history_batches
from components.example_gen.examples.history_writer import OPTIONS
from components.example_gen.examples.splits import split_timelines
from components.example_gen.interactions.spill import write_spill
from components.example_gen.interactions.timelines import Timelines
from components.example_gen.sources.source import read_log_file
from components.example_gen.validation.rows import validate
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig

RESULTS = Path(__file__).with_name("stages.jsonl")
_Result = TypeVar("_Result")


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str, function: Callable[[], _Result]) -> _Result:
        started = time.perf_counter()
        result = function()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - started, 3)
        return result


def main(
    work: Annotated[Path, typer.Option(help="folder for the log")],
    rows: Annotated[int, typer.Option(help="rows of the log")] = 2_000_000,
) -> None:
    """Measure, print and record."""
    folder = work.resolve() / "stages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_log(folder, rows, 1, DIRTY)
    (log,) = folder.glob("*.gz")
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    data = DataConfig.model_validate({"path": str(log), "columns": columns, "timestamp": {"unit": "s"}})
    clock = _Clock()
    clock.time("decompress", lambda: _drain(log))
    accepted = _read(clock, data, log)
    spill = clock.time("shuffle", lambda: write_spill(accepted, str(folder)))
    for part in shard_work([spill], []):
        _write(clock, data, part, folder)
    clock.seconds["parse"] = round(clock.seconds["parse"] - clock.seconds["decompress"], 3)
    record = {"rows": rows, "seconds": clock.seconds}
    with RESULTS.open("a") as file:
        file.write(json.dumps(record | circumstances()) + "\n")
    print(json.dumps(record, indent=1))


def _drain(log: Path) -> None:
    with gzip.open(log) as file:
        while file.read(1 << 20):
            pass


def _read(clock: _Clock, data: DataConfig, log: Path) -> list[pa.RecordBatch]:
    raw = clock.time("parse", lambda: list(read_log_file(str(log), data)))
    return clock.time("validate", lambda: [validate(batch, data)[0] for batch in raw])


def _write(clock: _Clock, data: DataConfig, part: Work, folder: Path) -> None:
    timelines = clock.time("sort by user and time", lambda: load_timelines(part, data, pa.array([], pa.string()))[0])
    examples = clock.time("cut into histories", lambda: _histories(timelines))
    encoded = clock.time("encode", lambda: [encode_examples(batch).to_pylist() for batch in examples])
    clock.time("compress and write", lambda: _compress(encoded, folder / "examples.gz"))


def _histories(timelines: Timelines) -> list[pa.RecordBatch]:
    times, offsets, length = timelines.timestamps_s, timelines.offsets, HistoryConfig().max_length
    found = split_timelines(times, offsets, LeaveOneOutConfig(), None, length)
    return [
        batch
        for split, examples in found.examples.items()
        for batch in history_batches(timelines, split, examples, found.train_interactions, {})
    ]


def _compress(encoded: list[list[bytes]], path: Path) -> None:
    with tf.io.TFRecordWriter(str(path), OPTIONS) as writer:
        for batch in encoded:
            for example in batch:
                writer.write(example)


if __name__ == "__main__":
    typer.run(main)
