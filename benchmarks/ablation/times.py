"""Time an epoch of each row of the ablation, and record it.

    .venv/bin/python -m benchmarks.ablation.times --work runs/ablation

A row that `times.jsonl` has already is not timed again. The logs are those whose examples
`benchmarks.ablation.run` has made. The second epoch is timed,
training and validation: the first one traces the model. Nothing else should be
running.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ablation.ablation_grid import LOGS, examples_folder
from benchmarks.ablation.run import train
from benchmarks.provenance import circumstances

RESULTS = Path(__file__).parent / "times.jsonl"
EPOCHS = 2


def main(
    work: Annotated[Path, typer.Option(help="folder of benchmarks.ablation.run")],
) -> None:
    """Time and record all rows that are not recorded yet."""
    recorded = map(json.loads, RESULTS.read_text().splitlines()) if RESULTS.exists() else ()
    done = {(result["log"], result["row"]) for result in recorded}
    for log, row in [(log, row) for log, of_log in LOGS.items() for row in of_log.rows]:
        made = (examples_folder(work.resolve(), log, LOGS[log].rows[row]) / "run.json").exists()
        if (log, row) in done or not made:
            continue
        (epoch_s,) = train(work.resolve(), log, row, 1, epochs=EPOCHS)["epochs_s"]
        print(f"{log}, {row}: {epoch_s:.1f} s")
        with RESULTS.open("a") as file:
            file.write(json.dumps({"log": log, "row": row, "epoch_s": epoch_s, **circumstances()}) + "\n")


if __name__ == "__main__":
    typer.run(main)
