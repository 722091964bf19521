"""Write the recorded results into the documents.

.venv/bin/python -m benchmarks.tables
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from statistics import mean, stdev
from typing import Any, NamedTuple

from benchmarks.ablation.ablation_grid import LOGS, TITLES
from benchmarks.content_tables import (
    adapters_table,
    impressions_table,
    items_table,
    titles_table,
    trained_impressions_table,
)
from benchmarks.data_tables import beam_table, data_table, preparation_table, stages_table
from benchmarks.provenance import REPOSITORY
from benchmarks.quality.runs import RUNS
from benchmarks.records import Results, describe_command, describe_origin, read_results

FAST = "MovieLens-100K, preset fast"
SUMMARIZED = ("MovieLens-100K", "MovieLens-1M", "Amazon Toys", "Online Retail")
STAGES = ("retrieval", "ranking")  # what the records call retrieval only, and both stages
Curve = list[tuple[float, float]]  # seconds, and the recall reached by then


class Table(NamedTuple):
    """A table, the document that shows it, and the folder of its recorded results."""

    document: str
    folder: str
    make: Callable[[], str]


def summary_table() -> str:
    """Return the README's table: the test split of three logs, with three digits."""
    by_run = _grouped(read_results("quality"), "run")
    rows = ["| log | temporec | best baseline |", "| --- | --- | --- |"]
    for name in SUMMARIZED:
        ours, (_, baseline) = [result["test"] for result in by_run[name]], _best_baseline(by_run[name])
        means = {metric: mean(each[metric] for each in ours) for metric in ("recall@10", "ndcg@10")}
        pairs = (f"{found['recall@10']:.3f} / {found['ndcg@10']:.3f}" for found in (means, baseline))
        rows.append(f"| {name} | {' | '.join(pairs)} |")
    return "\n".join(rows)


def ablation_table() -> str:
    """Return one table a log with a row a switch: validation over all seeds, time per epoch, parameters."""
    recorded, timed = read_results("ablation"), read_results("ablation", "times.jsonl")
    epoch = {(found["log"], found["row"]): f"{found['epoch_s']:.1f} s" for found in timed}
    lines: list[str] = []
    for log, of_log in _grouped(recorded, "log").items():
        lines += [
            f"{log}, {LOGS[log].epochs} epochs:",
            "",
            "| switch | retrieval only | with re-ranking | seeds | time per epoch | parameters |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        by_row = _grouped(of_log, "row")
        for name, results in ((name, by_row[name]) for name in LOGS[log].rows if name in by_row):
            stages = [_pair([result[stage] for result in results]) for stage in STAGES]
            lines.append(
                f"| {TITLES.get(name, name)} | {' | '.join(stages)} | {len(results)} | {epoch.get((log, name), '')}"
                f" | {results[0]['parameters']:,} |"
            )
        lines.append("")
    origins = [_all_circumstances(recorded, "benchmarks.ablation.run")]
    if timed:
        origins += ["", f"Epoch times: {describe_origin(timed[0], 'benchmarks.ablation.times')}"]
    return "\n".join([*lines, *origins])


def quality_table() -> str:
    """Return a row a run: the test split, mean of the seeds, next to the best baseline."""
    rows = [
        "| log | recall@10 / NDCG@10 | retrieval only | best baseline | training | memory | parameters |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    recorded = read_results("quality")
    by_run = _grouped(recorded, "run")
    for name, results in ((name, by_run[name]) for name in RUNS if name in by_run):
        baseline, metrics = _best_baseline(results)
        rows.append(
            f"| {name} | {_pair([result['test'] for result in results])}"
            f" | {_pair([result['orders']['retrieval'] for result in results])}"
            f" | {baseline.replace('_', ' ')} {metrics['recall@10']:.4f} / {metrics['ndcg@10']:.4f}"
            f" | {mean(map(_training_s, results)) / 60:.1f} min"
            f" | {max(result['peak_rss_mb'] for result in results) / 1000:.1f} GB | {results[0]['parameters']:,} |"
        )
    counts = sorted({len(results) for results in by_run.values()})
    seeds = " to ".join(map(str, counts if len(counts) == 1 else (counts[0], counts[-1])))
    return "\n".join([*rows, "", f"{seeds} seeds; {_all_circumstances(recorded, 'benchmarks.quality.run')}"])


def recbole_table() -> str:
    """Return a row a model: the test split, the time to its best validation recall, and temporec's time to the same.

    RecBole's seconds are its epochs times the seconds that one takes on the cores that temporec trained on. Its memory
    is measured on these cores, too.
    """
    presets = _grouped(read_results("quality"), "run")
    ours = {name: presets[run] for name, run in (("fast", FAST), ("30 epochs", "MovieLens-100K"))}
    theirs = _grouped([result for result in read_results("quality/recbole") if result["gpu"]], "model")
    timed = {result["model"]: result for result in read_results("quality/recbole", "epochs.jsonl")}
    rows = [
        "| model | recall@10 / NDCG@10 | best validation recall | time to reach it | temporec's time to reach it"
        " | parameters | memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, results in theirs.items():
        epoch_s = mean(timed[name]["epochs_s"])
        curves = [[(n * epoch_s, recall) for n, (_, recall) in enumerate(each["curve"], 1)] for each in results]
        recall = mean(map(_best, curves))
        seconds = {run: mean(_reached_s(_served_curve(each), recall) for each in found) for run, found in ours.items()}
        sooner = next((f"{after:,.0f} s, {run}" for run, after in seconds.items() if math.isfinite(after)), "")
        rows.append(_recbole_row(name, results, curves, sooner, timed[name]["peak_rss_mb"]))
    for name, results in ours.items():
        memory_mb = max(result["peak_rss_mb"] for result in results)
        rows.append(_recbole_row(f"temporec, {name}", results, list(map(_served_curve, results)), "", memory_mb))
    gpus = ", ".join(dict.fromkeys(result["gpu"] for results in theirs.values() for result in results))
    epochs = ", ".join(f"{name} {mean(result['epochs_s']):.0f} s" for name, result in timed.items())
    measured = describe_origin(next(iter(timed.values())), "benchmarks.quality.epochs")
    return "\n".join([*rows, "", f"RecBole trained on {gpus}; time per epoch on the cores: {epochs}; {measured}"])


def _recbole_row(name: str, results: Results, curves: list[Curve], sooner: str, peak_rss_mb: float) -> str:
    best = list(map(_best, curves))
    after = mean(_reached_s(curve, recall) for curve, recall in zip(curves, best, strict=True))
    return (
        f"| {name} | {_pair([result['test'] for result in results])} | {_spread(best)} | {after:,.0f} s"
        f" | {sooner} | {results[0]['parameters']:,} | {peak_rss_mb / 1000:.1f} GB |"
    )


def speed_table() -> str:
    """Return targets per second next to RecBole's, the time of a step by part, and by catalogue and history."""
    (result,) = read_results("speed")
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in result["parts_ms"].items() if name != "step")
    rows = ["| items | history | time per step | memory |", "| --- | --- | --- | --- |"]
    sizes = [(int(items), 50, found) for items, found in result["catalogue"].items()]
    sizes += [(10_000, int(length), found) for length, found in result["length"].items() if length != "50"]
    for items, length, found in sizes:
        rows.append(
            f"| {items:,} | {length} | {1000 * found['step_s']:.0f} ms | {found['peak_rss_mb'] / 1000:.1f} GB |"
        )
    ours, theirs = (result[name] for name in ("temporec", "recbole"))
    ours_same, theirs_same = (result[f"{name}_alike"] for name in ("temporec", "recbole"))
    lines = [
        "| targets trained per second | temporec | RecBole's GRU4Rec | ratio |",
        "| --- | --- | --- | --- |",
        "| the same network: one GRU layer of 64 units, nothing else"
        f" | {ours_same:,} | {theirs_same:,} | {ours_same / theirs_same:.1f} |",
        "| `fast` with a ranking network (one GRU layer of 64 units, attention), compared with that network"
        f" | {ours:,} | {theirs_same:,} | {ours / theirs_same:.1f} |",
        "| `fast`, compared with GRU4Rec as its authors tuned it: two layers of 128 units"
        f" | {ours:,} | {theirs:,} | {ours / theirs:.1f} |",
        "",
        f"A step of {result['parts_ms']['step']:.1f} ms on MovieLens-100K consists of: {parts}.",
    ]
    return "\n".join([*lines, "", *rows, "", describe_origin(result, "benchmarks.speed.run")])


def gate_table() -> str:
    """Return how often the gate refuses equal models, and models with a planted loss."""
    (result,) = read_results("gate")
    losses = [loss for loss, _ in next(iter(result["curve"].values()))]
    return "\n".join(
        [
            f"Of {result['pairs']:,} pairs of equal models on {result['users']:,} users, the gate refuses "
            f"{100 * result['equal_refused']:.1f}%, slices included. Of as many pairs in which the model lost a tenth "
            f"of the hits of 1,500 users, it refuses {100 * result['loss_caught']:.1f}%.",
            "",
            f"| users in the slice, hits lost | {' | '.join(f'{100 * loss:g}%' for loss in losses)} |",
            "| --- |" + " --- |" * len(losses),
            *(
                f"| {int(size):,} | {' | '.join(f'{100 * rate:.0f}%' for _, rate in points)} |"
                for size, points in result["curve"].items()
            ),
            "",
            describe_origin(result, "benchmarks.gate.simulate"),
        ]
    )


def evaluation_table() -> str:
    """Return the time and memory of two evaluations, and RecTools' time for the same lists."""
    (result,) = read_results("evaluation")
    rows = ["| test split | measuring | aggregating | total | memory |", "| --- | --- | --- | --- | --- |"]
    for found in (result["full"], result["large"]):
        rows.append(
            f"| {found['queries']:,} queries, {found['items']:,} items, {found['systems']} systems,"
            f" {found['metrics']} metrics, {found['groups']} groups, {found['samples']:,} samples"
            f" | {found['measured_s']:.0f} s | {found['summed_up_s']:.0f} s | {found['seconds']:.0f} s"
            f" | {found['peak_rss_mb'] / 1000:.1f} GB |"
        )
    comparison = (
        f"Given the lists, temporec computes {len(result['rectools']['values'])} metrics of the"
        f" {result['full']['queries']:,} queries in {result['lists']['seconds']:.2f} s, and RecTools in"
        f" {result['rectools']['seconds']:.2f} s, {result['ratio']:g} times as long."
        f" The largest difference between the two is {result['furthest_apart']:.0e}."
    )
    return "\n".join([*rows, "", comparison, "", describe_origin(result, "benchmarks.evaluation.run")])


def _all_circumstances(results: Results, module: str) -> str:
    dates = sorted(result["date"][:10] for result in results)
    machines = ("{cores} cores of {processor}, {memory_gb} GB".format_map(result["machine"]) for result in results)
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return (
        f"{' and '.join(dict.fromkeys(machines))}; "
        f"TensorFlow {results[0]['tensorflow']}; {span}; commits "
        f"{', '.join(dict.fromkeys(result['commit'] for result in results))}; {describe_command(module)}"
    )


def attention_table() -> str:
    """Return what attention brings: differences of NDCG@10 in validation, on the same targets."""
    recorded = read_results("ablation", "paired.jsonl")
    lines = ["| log | difference | seeds | retrieval only | with re-ranking |", "| --- | --- | --- | --- | --- |"]
    for found in recorded:
        stages = [
            f"{found[stage]['mean']:+.4f} ({found[stage]['low']:+.4f} to {found[stage]['high']:+.4f})"
            for stage in STAGES
        ]
        lines.append(
            f"| {found['log']} | {found['row']} - {found['other']} | {found['seeds']} | {' | '.join(stages)} |"
        )
    return "\n".join([*lines, "", describe_origin(recorded[0], "benchmarks.ablation.paired")])


def _best_baseline(results: Results) -> tuple[str, dict[str, float]]:
    """Return the baseline with the highest recall; it is the same for every seed."""
    baselines: dict[str, dict[str, float]] = results[0]["baselines"]
    return max(baselines.items(), key=lambda found: found[1]["recall@10"])


def _best(curve: Curve) -> float:
    return max(recall for _, recall in curve)


def _reached_s(curve: Curve, recall: float) -> float:
    """Return the seconds until a training reached a recall; infinity if it never did."""
    return min((seconds for seconds, found in curve if found >= recall), default=float("inf"))


def _served_curve(result: dict[str, Any]) -> Curve:
    """Return validation recall by time: retrieval's at each epoch, then that of the stage that is served."""
    served = max(result["validation"].values(), key=lambda found: found["ndcg@10"])
    return [*result["curve"], (_training_s(result), served["recall@10"])]


def _training_s(result: dict[str, Any]) -> float:
    """Return the Trainer's seconds; for a resumed training these cover its last part, and the curve covers all."""
    return max(result["timings_s"]["Trainer"], result["curve"][-1][0])


TABLES: Mapping[str, Table] = {
    "summary": Table("README.md", "quality", summary_table),
    "quality": Table("docs/benchmarks.md", "quality", quality_table),
    "recbole": Table("docs/benchmarks.md", "quality/recbole", recbole_table),
    "speed": Table("docs/benchmarks.md", "speed", speed_table),
    "ablation": Table("docs/models.md", "ablation", ablation_table),
    "attention": Table("docs/models.md", "ablation", attention_table),
    "gate": Table("docs/gate.md", "gate", gate_table),
    "evaluation": Table("docs/evaluation.md", "evaluation", evaluation_table),
    "beam": Table("docs/scale.md", "beam", beam_table),
    "data": Table("docs/scale.md", "data", data_table),
    "stages": Table("docs/scale.md", "data", stages_table),
    "preparation": Table("docs/scale.md", "data", preparation_table),
    "impressions": Table("docs/impressions.md", "content", impressions_table),
    "trained_impressions": Table("docs/impressions.md", "content", trained_impressions_table),
    "titles": Table("docs/benchmarks.md", "content", titles_table),
    "adapters": Table("docs/benchmarks.md", "content", adapters_table),
    "items": Table("docs/benchmarks.md", "content", items_table),
}


def with_table(document: str, name: str) -> str:
    """Return the document with a table of recorded results between its marks.

    Args:
        document: the document's text.
        name: which of `TABLES`.

    Raises:
        ValueError: the document has no marks for the table.
    """
    begin, end = f"<!-- table {name}: benchmarks/{TABLES[name].folder} -->", f"<!-- end of {name} -->"
    if begin not in document or end not in document:
        raise ValueError(f"expected: a place for the table, {begin} ... {end}\nreceived: a document without it")
    table = TABLES[name].make()
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{table}\n{end}", document, flags=re.S)


def _grouped(results: Results, key: str) -> dict[str, Results]:
    return {name: [r for r in results if r[key] == name] for name in dict.fromkeys(r[key] for r in results)}


def _pair(metrics: list[dict[str, float]]) -> str:
    return " / ".join(_spread([each[name] for each in metrics]) for name in ("recall@10", "ndcg@10"))


def _spread(values: list[float]) -> str:
    """Return the mean, and of several values the standard deviation."""
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def main() -> None:
    """Write all tables into their documents."""
    for name, table in TABLES.items():
        path = REPOSITORY / table.document
        path.write_text(with_table(path.read_text(), name))


if __name__ == "__main__":
    main()
