"""Simulate the gate: how often it refuses an equal model, and how often it detects a loss in one slice.

    .venv/bin/python -m benchmarks.gate.simulate

Pairs of equal models are drawn user by user with the measured agreement of two
seeds (`agreement.json`), and with as many users. A loss is planted in a slice by
turning a fraction of its hits into misses. The gate's own code decides. The command
writes `results.jsonl` and the power curve of docs/gate.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import typer
from matplotlib import pyplot

from benchmarks.gate.agreement import RECORDED
from benchmarks.provenance import REPOSITORY, circumstances
from components.evaluator.query_metrics import ITEMS, MODEL, PREVIOUS, SLICE, USER, VALUE
from components.evaluator.query_results import Results
from components.gate.metric_checks import check_regressions
from schemas.config.evaluation import GateConfig

RESULTS = Path(__file__).with_name("results.jsonl")
PICTURE = REPOSITORY / "docs" / "images" / "gate-power.svg"
PAIRS = 5000  # gives a rate of 95% with a standard error of 0.3 points
CURVE_PAIRS = 500
PLANTED = 1500  # users in the slice with the planted loss
LOSSES = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
SIZES = (250, 500, 1000, 1500, 3000)
GATE = GateConfig(slices=("target_popularity", "segment"))
Hits = npt.NDArray[np.bool_]


def main() -> None:
    """Record the rates and draw the power curve."""
    groups = json.loads(RECORDED.read_text())["groups"]
    result = {
        "users": sum(sum(counts.values()) for counts in groups.values()),
        "pairs": PAIRS,
        "equal_refused": _rate(groups, PAIRS, loss=0.0, size=PLANTED),
        "loss_caught": _rate(groups, PAIRS, loss=0.1, size=PLANTED),
        "curve": {
            str(size): [[loss, _rate(groups, CURVE_PAIRS, loss=loss, size=size)] for loss in LOSSES] for size in SIZES
        },
        **circumstances(),
    }
    RESULTS.write_text(json.dumps(result) + "\n")
    _draw(result["curve"])
    print(json.dumps({name: value for name, value in result.items() if name != "curve"}, indent=1))


def _rate(groups: dict[str, dict[str, int]], pairs: int, *, loss: float, size: int) -> float:
    """Return the fraction of pairs whose first model is refused. Each call starts from the same seed."""
    generator = np.random.default_rng(1)
    refused = 0
    for _ in range(pairs):
        refused += any(not check.passed for check in check_regressions(GATE, _pair(groups, generator, loss, size)))
    return refused / pairs


def _pair(groups: dict[str, dict[str, int]], generator: np.random.Generator, loss: float, size: int) -> Results:
    """Draw the hits of two equal models, and remove a fraction of the first model's hits in the first segment."""
    names, hits, previous = [], [], []
    for name, (one, other) in _drawn(groups, generator):
        names += [name] * len(one)
        hits.append(one)
        previous.append(other)
    order = generator.permutation(len(names))
    values = {MODEL: np.concatenate(hits)[order], PREVIOUS: np.concatenate(previous)[order]}
    found = np.flatnonzero(values[MODEL][:size])
    values[MODEL][generator.choice(found, round(loss * len(found)), replace=False)] = False
    segments = [[str(place // size)] for place in range(len(order))]
    users = [f"{place:06}" for place in range(len(order))]
    return Results(
        pa.table(
            {
                USER: users,
                f"{SLICE}:target_popularity": [[names[place]] for place in order],
                f"{SLICE}:segment": segments,
                **{f"{ITEMS}:{system}": [[]] * len(order) for system in values},
                **{f"{VALUE}:{system}:{GATE.metric}": each.astype(np.float64) for system, each in values.items()},
            }
        )
    )


def _drawn(
    groups: dict[str, dict[str, int]], generator: np.random.Generator
) -> Iterator[tuple[str, tuple[Hits, Hits]]]:
    """Draw for each group the users whom both models, one or neither hit, with the measured probabilities."""
    for name, counts in groups.items():
        users = sum(counts.values())
        shares = np.array([counts["both"], counts["either"] / 2, counts["either"] / 2, counts["neither"]]) / users
        kind = generator.choice(4, users, p=shares)
        yield name, ((kind == 0) | (kind == 1), (kind == 0) | (kind == 2))


def _draw(curve: dict[str, list[list[float]]]) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for size, points in curve.items():
        losses, rates = zip(*points, strict=True)
        axes.plot(
            [100 * loss for loss in losses], [100 * rate for rate in rates], marker="o", label=f"{int(size):,} users"
        )
    axes.axhline(95, color="grey", linewidth=0.8, linestyle="dotted")
    axes.set(xlabel="hits lost in the slice, %", ylabel="refused, %", ylim=(0, 102))
    axes.legend(title="in the slice", frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    typer.run(main)
