"""Run the components before the trainer, and print the seconds of each as JSON.

    python -m benchmarks.beam.stages CONFIG ROOT

The Evaluator, which has a Beam pipeline, too, is not run: it needs a model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.runners.local import ComponentRun, LocalRunner, run_locally
from schemas.loading import load_config

WITH_BEAM = ("InteractionExampleGen", "StatisticsGen", "Transform", "Baselines")


class _TrainerIsNext(Exception):
    """The end of what is measured."""


def main(config_file: str, root: Path) -> None:
    """Run the components and print their seconds."""
    config = load_config(config_file)
    root.mkdir(parents=True)
    seconds: dict[str, float] = {}

    def on_start(component: str, _index: int, _count: int) -> None:
        if component == "Trainer":
            raise _TrainerIsNext

    def on_end(run: ComponentRun) -> None:
        seconds[run.component] = round(run.seconds, 1)

    try:
        run_locally(config, root, LocalRunner(on_start, on_end, config.beam))
    except _TrainerIsNext:
        print(json.dumps({name: seconds[name] for name in WITH_BEAM}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
