"""The curve of a training that was interrupted many times."""

from __future__ import annotations

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from benchmarks.quality.curve import METRIC, read_curve


def write_events(path: Path, *events: Event) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


def test_curve_with_event_files_out_of_name_order_follows_time(tmp_path: Path) -> None:
    run = tmp_path / "artifacts" / "Trainer" / "model_run" / "7"
    for counter, begin_s, recall in ((9, 1000.0, 0.25), (10, 2000.0, 0.5)):
        name = f"events.out.tfevents.1.host.1.{counter}.v2"
        value = Summary.Value(tag=METRIC, simple_value=recall)
        write_events(run / "train" / name, Event(wall_time=begin_s))
        write_events(
            run / "validation" / name,
            Event(wall_time=begin_s + 1),
            Event(wall_time=begin_s + 30, summary=Summary(value=[value])),
        )
    assert read_curve(tmp_path) == [(30.0, 0.25), (60.0, 0.5)]
