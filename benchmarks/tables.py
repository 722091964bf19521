"""Writes the recorded results into the documents.

.venv/bin/python -m benchmarks.tables
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.ablation.ablation_grid import LOGS
from benchmarks.provenance import REPOSITORY
from benchmarks.quality.runs import RUNS

HERE = Path(__file__).parent
FAST = "MovieLens-100K, preset fast"
Results = list[dict[str, Any]]
Curve = list[tuple[float, float]]  # seconds, and the recall reached by then


def ablation_table() -> str:
    """By log, a row a switch: recall@10 and NDCG@10 in validation, of all seeds; an epoch's time; parameters."""
    recorded, timed = _read("ablation"), _read("ablation", "times.jsonl")
    epoch = {(found["log"], found["row"]): f"{found['epoch_s']:.1f} s" for found in timed}
    lines: list[str] = []
    for log, of_log in _grouped(recorded, "log").items():
        lines += [
            f"{log}, {LOGS[log].epochs} epochs:",
            "",
            "| switch | retrieval alone | both tasks | seeds | an epoch | parameters |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        by_row = _grouped(of_log, "row")
        for name, results in ((name, by_row[name]) for name in LOGS[log].rows if name in by_row):
            orders = [_pair([result[order] for result in results]) for order in ("retrieval", "ranking")]
            lines.append(
                f"| {name} | {' | '.join(orders)} | {len(results)} | {epoch.get((log, name), '')}"
                f" | {results[0]['parameters']:,} |"
            )
        lines.append("")
    return "\n".join([*lines, _circumstances(recorded), "", f"Of the epochs: {_machine(timed[0])}"])


def quality_table() -> str:
    """A row a run: recall@10 and NDCG@10 on the test split beside the best baseline; the mean of the seeds."""
    rows = [
        "| log | recall@10 / NDCG@10 | retrieval alone | best baseline | training | memory | parameters |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    recorded = _read("quality")
    by_run = _grouped(recorded, "run")
    for name, results in ((name, by_run[name]) for name in RUNS if name in by_run):
        baseline, metrics = max(results[0]["baselines"].items(), key=lambda found: found[1]["recall@10"])
        rows.append(
            f"| {name} | {_pair([result['test'] for result in results])}"
            f" | {_pair([result['orders']['retrieval'] for result in results])}"
            f" | {baseline.replace('_', ' ')} {_number(metrics['recall@10'])} / {_number(metrics['ndcg@10'])}"
            f" | {mean(map(_training_s, results)) / 60:.1f} min"
            f" | {max(result['peak_rss_mb'] for result in results) / 1000:.1f} GB | {results[0]['parameters']:,} |"
        )
    seeds = len({result["seed"] for result in recorded})
    return "\n".join([*rows, "", f"{seeds} seeds; {_circumstances(recorded)}"])


def beside_table() -> str:
    """A row a model: the test split, and how soon its best recall in validation is reached, by itself and by temporec.

    RecBole's seconds are its epochs by what one takes on the cores that temporec trained on, and its memory is theirs.
    """
    presets = _grouped(_read("quality"), "run")
    ours = {name: presets[run] for name, run in (("fast", FAST), ("30 epochs", "MovieLens-100K"))}
    theirs = _grouped([result for result in _read("quality/recbole") if result["gpu"]], "model")
    timed = {result["model"]: result for result in _read("quality/recbole", "epochs.jsonl")}
    rows = [
        "| model | recall@10 / NDCG@10 | best recall in validation | reached after | temporec reaches it after"
        " | parameters | memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]

    def add(name: str, results: Results, curves: list[Curve], sooner: str, peak_rss_mb: float) -> None:
        best = list(map(_best, curves))
        after = mean(_reached_s(curve, recall) for curve, recall in zip(curves, best, strict=True))
        rows.append(
            f"| {name} | {_pair([result['test'] for result in results])} | {_spread(best)} | {after:,.0f} s"
            f" | {sooner} | {results[0]['parameters']:,} | {peak_rss_mb / 1000:.1f} GB |"
        )

    for name, results in theirs.items():
        epoch_s = mean(timed[name]["epochs_s"])
        curves = [[(n * epoch_s, recall) for n, (_, recall) in enumerate(each["curve"], 1)] for each in results]
        best = mean(map(_best, curves))
        seconds = {run: mean(_reached_s(_served_curve(each), best) for each in found) for run, found in ours.items()}
        sooner = next((f"{after:,.0f} s, {run}" for run, after in seconds.items() if math.isfinite(after)), "")
        add(name, results, curves, sooner, timed[name]["peak_rss_mb"])
    for name, results in ours.items():
        memory_mb = max(result["peak_rss_mb"] for result in results)
        add(f"temporec, {name}", results, [_served_curve(each) for each in results], "", memory_mb)
    gpus = ", ".join(dict.fromkeys(result["gpu"] for results in theirs.values() for result in results))
    epochs = ", ".join(f"{name} {mean(result['epochs_s']):.0f} s" for name, result in timed.items())
    machine = _machine(next(iter(timed.values())))
    return "\n".join([*rows, "", f"RecBole trained on {gpus}; an epoch on the cores: {epochs}; {machine}"])


def speed_table() -> str:
    """Targets a second beside RecBole, where a step's time goes, and how it grows with catalogue and history."""
    (result,) = _read("speed")
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in result["parts_ms"].items() if name != "step")
    rows = ["| items | history | a step | memory |", "| --- | --- | --- | --- |"]
    sizes = [(int(items), 50, found) for items, found in result["catalogue"].items()]
    sizes += [(10_000, int(length), found) for length, found in result["length"].items() if length != "50"]
    for items, length, found in sizes:
        rows.append(
            f"| {items:,} | {length} | {1000 * found['step_s']:.0f} ms | {found['peak_rss_mb'] / 1000:.1f} GB |"
        )
    ours, theirs = (result[name] for name in ("temporec", "recbole"))
    ours_alike, theirs_alike = (result[f"{name}_alike"] for name in ("temporec", "recbole"))
    lines = [
        "| targets trained a second | temporec | RecBole's GRU4Rec | ratio |",
        "| --- | --- | --- | --- |",
        "| the same network: a GRU of one layer of 64, nothing else"
        f" | {ours_alike:,} | {theirs_alike:,} | {ours_alike / theirs_alike:.1f} |",
        "| `fast` (a GRU of one layer of 64, attention, ranking task), beside that network"
        f" | {ours:,} | {theirs_alike:,} | {ours / theirs_alike:.1f} |",
        "| `fast`, beside GRU4Rec as its authors tuned it: two layers of 128"
        f" | {ours:,} | {theirs:,} | {ours / theirs:.1f} |",
        "",
        f"A step of {result['parts_ms']['step']:.1f} ms on MovieLens-100K goes to: {parts}.",
    ]
    return "\n".join([*lines, "", *rows, "", _machine(result)])


def gate_table() -> str:
    """How often the gate refuses equal models, and models with a planted loss."""
    (result,) = _read("gate")
    losses = [loss for loss, _ in next(iter(result["curve"].values()))]
    return "\n".join(
        [
            f"Of {result['pairs']:,} pairs of equal models on {result['users']:,} users, "
            f"{100 * result['equal_refused']:.1f} % are refused, slices included. "
            f"Of as many that lost a tenth of the hits of 1,500 users, {100 * result['loss_caught']:.1f} % are.",
            "",
            f"| users in the slice, hits lost | {' | '.join(f'{100 * loss:g} %' for loss in losses)} |",
            "| --- |" + " --- |" * len(losses),
            *(
                f"| {int(size):,} | {' | '.join(f'{100 * rate:.0f} %' for _, rate in points)} |"
                for size, points in result["curve"].items()
            ),
            "",
            _machine(result),
        ]
    )


def evaluation_table() -> str:
    """What evaluations took, and RecTools beside them."""
    (result,) = _read("evaluation")
    rows = ["| test split | measured | summed up | in all | memory |", "| --- | --- | --- | --- | --- |"]
    for found in (result["full"], result["large"]):
        rows.append(
            f"| {found['queries']:,} queries, {found['items']:,} items, {found['systems']} systems,"
            f" {found['metrics']} metrics, {found['groups']} groups, {found['samples']:,} samples"
            f" | {found['measured_s']:.0f} s | {found['summed_up_s']:.0f} s | {found['seconds']:.0f} s"
            f" | {found['peak_rss_mb'] / 1000:.1f} GB |"
        )
    beside = (
        f"From the lists alone, {len(result['rectools']['values'])} metrics of the {result['full']['queries']:,} take"
        f" {result['lists']['seconds']:.2f} s, and RecTools {result['rectools']['seconds']:.2f} s,"
        f" {result['ratio']:g} times as long; no two numbers are further apart than {result['furthest_apart']:.0e}."
    )
    return "\n".join([*rows, "", beside, "", _machine(result)])


def _machine(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{machine['cores']} cores of {machine['processor']}; {result['date'][:10]}; "
        f"commit {result['commit']}; `{_module(result)}`"
    )


def _module(result: dict[str, Any]) -> str:
    """The command without its arguments, which name one machine's folders."""
    return " ".join(result["command"].split()[:3])


def _best(curve: Curve) -> float:
    return max(recall for _, recall in curve)


def _reached_s(curve: Curve, recall: float) -> float:
    """The seconds after which a training had a recall; infinite where it never had."""
    return min((seconds for seconds, found in curve if found >= recall), default=float("inf"))


def _served_curve(result: dict[str, Any]) -> Curve:
    """How validation's recall rose with time: retrieval's by epochs, and at the end that of the order served."""
    served = max(result["validation"].values(), key=lambda found: found["ndcg@10"])
    return [*result["curve"], (_training_s(result), served["recall@10"])]


def _training_s(result: dict[str, Any]) -> float:
    """The Trainer's seconds. Of a training that was cut off and taken up again it has the last part, the curve all."""
    return max(result["timings_s"]["Trainer"], result["curve"][-1][0])


TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "ablation": ("docs/models.md", ablation_table),
    "quality": ("README.md", quality_table),
    "quality/recbole": ("README.md", beside_table),
    "speed": ("docs/models.md", speed_table),
    "gate": ("docs/gate.md", gate_table),
    "evaluation": ("docs/evaluation.md", evaluation_table),
}


def written(document: str, name: str, table: str) -> str:
    """The document with the table between its marks."""
    begin, end = f"<!-- {name}: benchmarks/{name} -->", f"<!-- end of {name} -->"
    if begin not in document or end not in document:
        raise ValueError(f"the document has no place for a table: {begin} ... {end}")
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{table}\n{end}", document, flags=re.S)


def _read(name: str, file: str = "results.jsonl") -> Results:
    return [json.loads(line) for line in (HERE / name / file).read_text().splitlines()]


def _grouped(results: Results, key: str) -> dict[str, Results]:
    return {name: [r for r in results if r[key] == name] for name in dict.fromkeys(r[key] for r in results)}


def _pair(metrics: list[dict[str, float]]) -> str:
    return " / ".join(_spread([each[name] for each in metrics]) for name in ("recall@10", "ndcg@10"))


def _spread(values: list[float]) -> str:
    """The mean, and with more than one value the standard deviation."""
    return _number(mean(values)) + (f" ± {_number(stdev(values))}" if len(values) > 1 else "")


def _number(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _circumstances(results: Results) -> str:
    dates = sorted(result["date"][:10] for result in results)
    machines = ("{cores} cores of {processor}, {memory_gb} GB".format_map(result["machine"]) for result in results)
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return (
        f"{' and '.join(dict.fromkeys(machines))}; "
        f"TensorFlow {results[0]['tensorflow']}; {span}; commits "
        f"{', '.join(dict.fromkeys(result['commit'] for result in results))}; `{_module(results[0])}`"
    )


def measured() -> list[str]:
    """The names of the tables that there are results for."""
    return [name for name in TABLES if (HERE / name / "results.jsonl").exists()]


def main() -> None:
    """Writes all tables that there are results for."""
    for name in measured():
        path, table = TABLES[name]
        document = REPOSITORY / path
        document.write_text(written(document.read_text(), name, table()))


if __name__ == "__main__":
    main()
