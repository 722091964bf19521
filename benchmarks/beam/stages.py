"""Run the components before the trainer, and print the name and the seconds of each when it has ended.

    python -m benchmarks.beam.stages CONFIG ROOT

The Evaluator, which has a Beam pipeline, too, is not run: it needs a model.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from pipeline.runners.local import ComponentRun, LocalRunner, run_locally
from schemas.loading import load_config

WITH_BEAM = ("InteractionExampleGen", "StatisticsGen", "Transform", "Baselines")


class _TrainerIsNext(Exception):
    """The end of what is measured."""


def main(config_file: str, root: Path) -> None:
    """Run the components."""
    config = load_config(config_file)
    root.mkdir(parents=True)

    def on_start(component: str, _index: int, _count: int) -> None:
        if component == "Trainer":
            raise _TrainerIsNext

    def on_end(run: ComponentRun) -> None:
        print(run.component, round(run.seconds, 1), flush=True)

    with suppress(_TrainerIsNext):
        run_locally(config, root, LocalRunner(on_start, on_end, config.beam))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
