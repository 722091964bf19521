"""Tables of what the content of items and impressions bring."""

from __future__ import annotations

from statistics import mean, median
from typing import Any

from benchmarks.records import describe_origin, read_results

_SERVED, _RETRIEVAL = (tuple(f"{stage} {name}@10" for name in ("recall", "ndcg")) for stage in ("served", "retrieval"))


def impressions_table() -> str:
    """Return a row a scorer: metrics by impression over all shown items, and over those with a title."""
    (result,) = read_results("content", "impressions.jsonl")
    parts = [result[part] for part in ("all", "titled")]
    titles = " | ".join(f"{part['impressions']:,} impressions, {part['items']:,} items: AUC" for part in parts)
    rows = [f"| score | {titles} | MRR | NDCG@5 | NDCG@10 |", "| --- | --- | --- | --- | --- | --- |"]
    for name in parts[0]["metrics"]:
        of_all, of_titled = (part["metrics"][name] for part in parts)
        others = " | ".join(f"{of_all[metric][0]:.3f}" for metric in ("mrr", "ndcg@5", "ndcg@10"))
        rows.append(f"| {name} | {_with_interval(of_all['auc'])} | {_with_interval(of_titled['auc'])} | {others} |")
    ratios, errors = result["positions"]
    places = f"Click rates of positions 2 to {len(ratios)}, divided by that of position 1: {min(ratios[1:]):.2f} to"
    places += f" {max(ratios[1:]):.2f}, with standard errors of about {median(errors[1:]):.2f}."
    share = f"{result['shown_titled']:,} of {result['shown']:,} shown items have a title, and "
    share += f"{result['without_titled_history']:,} of {result['impressions']:,} histories have no item with one."
    return "\n".join([*rows, "", share, places, "", describe_origin(result, "benchmarks.content.impressions")])


def trained_impressions_table() -> str:
    """Return a row a scorer: metrics by impression on the last impressions, and the distance to the learnt AUC."""
    (result,) = read_results("content", "trained_impressions.jsonl")
    rows = ["| score | AUC | learnt above it | MRR | NDCG@5 | NDCG@10 |", "| --- | --- | --- | --- | --- | --- |"]
    for name, found in result["metrics"].items():
        above = "{:+.3f} ({:+.3f} to {:+.3f})".format(*found["learnt_above"]) if any(found["learnt_above"]) else ""
        others = " | ".join(f"{found[metric][0]:.3f}" for metric in ("mrr", "ndcg@5", "ndcg@10"))
        rows.append(f"| {name} | {_with_interval(found['auc'])} | {above} | {others} |")
    size = "{:,} impressions of training, {:,} of validation and {:,} of test".format(*result["impressions"])
    size += f". {result['shown_before']:.0%} of the {result['shown']:,} items shown in test were shown before it."
    return "\n".join([*rows, "", size, "", describe_origin(result, "benchmarks.content.trained_impressions")])


def titles_table() -> str:
    """Return the macro-F1 of each classifier of titles."""
    result = read_results("content", "titles.jsonl")[-1]
    rows = ["| classifier of titles | macro-F1, mean of the divisions | standard deviation |", "| --- | --- | --- |"]
    systems = {name: found for name, found in result.items() if isinstance(found, dict) and "macro_f1" in found}
    rows += [f"| {name} | {found['macro_f1']:.3f} | {found['std']:.3f} |" for name, found in systems.items()]
    size = f"{result['articles']:,} articles, {result['held_out']:.0%} held out, in {len(result['seeds'])} divisions."
    return "\n".join([*rows, "", size, "", describe_origin(result, "benchmarks.content.titles")])


def adapters_table() -> str:
    """Return macro-F1 and accuracy of frozen sentence vectors and of adapters, with the time that a training takes."""
    recorded = read_results("content", "adapters.jsonl")
    rows = ["| vectors of the title | macro-F1 | accuracy | processor time |", "| --- | --- | --- | --- |"]
    for name in recorded[-1]["systems"]:
        found = [each for result in recorded for each in result["systems"][name]]
        metrics = (f"{mean(each[metric] for each in found):.3f}" for metric in ("macro_f1", "accuracy"))
        rows.append(f"| {name} | {' | '.join(metrics)} | {mean(each['processor_s'] for each in found):.0f} s |")
    last, divisions = recorded[-1], sum(len(result["seeds"]) for result in recorded)
    size = f"{last['articles']:,} articles, {last['held_out']:.0%} held out; divisions: {divisions}. A training has"
    size += f" {last['steps']} steps."
    return "\n".join([*rows, "", size, "", describe_origin(last, "benchmarks.content.adapters")])


def items_table() -> str:
    """Return recall and NDCG with and without content: for all items, the rarest ones, and those without a training."""
    recorded = read_results("content", "items.jsonl")
    lines: list[str] = []
    for result in recorded:
        lines += [
            f"{result['log']}, `{result['preset']}`, seed {result['seed']}, content: {', '.join(result['columns'])}",
            "",
            "| queries | system | served | retrieval only |",
            "| --- | --- | --- | --- |",
            *(row for part in ("all", "rarest") for row in _known_rows(part, result["known"][part])),
            *_cold_rows(result["cold"]),
            "",
        ]
    return "\n".join([*lines, describe_origin(recorded[-1], "benchmarks.content.items")])


def _known_rows(part: str, found: dict[str, Any]) -> list[str]:
    queries = f"{found['queries']:,}, {'all items' if part == 'all' else 'the rarest fifth of the items'}"
    low, high = found["difference"][_SERVED[0]][-2:]
    return [
        f"| {queries} | ids only | {_pairs(found['ids'])} |",
        f"| | ids and content | {_pairs(found['content'])} |",
        f"| | difference of served recall | {low:+.3f} to {high:+.3f} | |",
    ]


def _cold_rows(found: dict[str, Any]) -> list[str]:
    queries = f"{found['cold_queries']:,}, {found['items']['cold']:,} cold of {found['items']['all']:,} items"
    cold = [(f"added with a boost of {each['boost']:g}", _pairs(each["cold"])) for each in found["by_boost"]]
    cold += [("ids only", _pairs(found["ids_only"]))]
    cold += [(name, f"{recall:.4f} / - | -") for name, recall in found["cold_without_training"].items()]
    warm = [("without the cold items", _pairs(found["warm_without_cold_items"]))]
    for each in found["by_boost"]:
        low, high = each["difference"][_SERVED[0]][-2:]
        name = f"with them, boost {each['boost']:g}; difference of served recall {low:+.3f} to {high:+.3f}"
        warm.append((name, _pairs(each["warm"])))
    return [
        f"| {first if place == 0 else ''} | {name} | {shown} |"
        for first, rows in ((queries, cold), (f"{found['warm_queries']:,}, warm items", warm))
        for place, (name, shown) in enumerate(rows)
    ]


def _pairs(found: dict[str, float]) -> str:
    return " | ".join(" / ".join(f"{found[name]:.4f}" for name in stage) for stage in (_SERVED, _RETRIEVAL))


def _with_interval(found: list[float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*found)
