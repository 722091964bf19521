"""Ingest a log in a process of its own: `python -m tests.components.ingest_process CONFIG OUTPUT WORKERS`.

CONFIG is a `DataConfig` as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

import apache_beam as beam

from components.example_gen.ingest import ingest
from pipeline.runners.beam_options import beam_args
from pipeline.runners.lost_workers import fail_with_lost_workers
from schemas.config import BeamConfig, HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig

MAX_LENGTH = 20  # of a history


def main(config: str, output: str, workers: str) -> None:
    """Ingest."""
    data = DataConfig.model_validate_json(Path(config).read_text(encoding="utf-8"))
    fail_with_lost_workers()
    options = beam_args(BeamConfig(workers=int(workers)))
    ingest(lambda: beam.Pipeline(argv=options), data, LeaveOneOutConfig(), HistoryConfig(max_length=MAX_LENGTH), output)


if __name__ == "__main__":
    main(*sys.argv[1:])
