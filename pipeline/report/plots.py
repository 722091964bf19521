"""The figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from components.evaluator.query_metrics import MODEL
from pipeline.display.metric_names import main_metrics
from pipeline.report.charts import BARE, COLOURS, FIRST, QUIET, Plot, dots, line, log_axis, percent_axis
from pipeline.report.curves import Curve
from pipeline.report.gather import RunReport
from pipeline.report.item_map import OTHER
from pipeline.report.items import Counts, concentration
from pipeline.report.verdict_text import in_words

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "hexagon")
GROUPS = 20  # the most groups of a slice in a figure


def plots(report: RunReport) -> dict[str, list[Plot]]:
    """Return the figures with data, by section of the page.

    Args:
        report: the content of the report.

    Returns:
        The figures of each section.
    """
    sections = {
        "data": [_long_tail(report), _lengths(report)],
        "training": [
            _curves("losses", "Loss in training", "", report.curves.train, "loss"),
            _curves(
                "validation",
                "Retrieval metrics in validation",
                "The model keeps the weights of the epoch with the highest NDCG@10.",
                report.curves.validation,
                "@",
            ),
            _curves(
                "attention",
                "Attention in validation",
                "At the end of some histories: normalized entropy of the weights, and weight of the last position.",
                report.curves.validation,
                "attention",
            ),
        ],
        "metrics": [_systems(report, metric) for metric in shown_metrics(report)],
        "slices": [_slice(report, name) for name in report.summary["slices"]],
        "coverage": [
            _cumulative(
                "coverage",
                f"Recommended items, in lists of {max(report.config.evaluate.ks)}",
                {"training": report.items.interactions, "recommended": report.recommended},
                report,
            )
        ],
        "drift": [
            _cumulative(
                "drift",
                "Item popularity in training and in test",
                {"training": report.items.interactions, "test targets": report.targets},
                report,
            )
        ],
        "map": [_map(report)],
        "timings": [_timings(report.record["timings_s"], report.record["cached"])],
    }
    return {section: [plot for plot in some if plot.data] for section, some in sections.items()}


def shown_metrics(report: RunReport) -> list[str]:
    """Return the gate's metric and the main metrics on lists of the same length."""
    return main_metrics(report.metric, report.config.evaluate.ks, report.summary["systems"][MODEL])


def _long_tail(report: RunReport) -> Plot:
    counts = report.items.interactions[report.items.order]
    ranks, _ = concentration(report.items.interactions, report.items.order)
    trace = line("items", ranks, [int(counts[rank - 1]) for rank in ranks], FIRST)
    trace["hovertemplate"] = "item %{x}: %{y} interactions<extra></extra>"
    return Plot(
        "long-tail",
        "Interactions per item in training",
        "Items from the most to the least popular, on logarithmic axes. An interaction counts if it is a target in "
        "training, which the first one of each sequence is not.",
        [trace] if ranks else [],
        {"xaxis": log_axis("item"), "yaxis": log_axis("interactions"), "showlegend": False},
    )


def _lengths(report: RunReport) -> Plot:
    fractions = [round(0.1 * step, 1) for step in range(11)]
    traces = [
        line(split, lengths.deciles, fractions, colour)
        for (split, lengths), colour in zip(report.lengths.items(), COLOURS, strict=False)
    ]
    return Plot(
        "lengths",
        "Lengths of the histories that the model reads",
        "Fraction of a split's examples with a history of at most this length; linear between deciles.",
        traces,
        {
            "xaxis": {
                "title": {"text": "interactions"},
                "range": [0, 1.02 * max((x.deciles[-1] for x in report.lengths.values()), default=1)],
            },
            "yaxis": percent_axis("fraction of examples"),
        },
    )


def _curves(name: str, title: str, caption: str, curves: Mapping[str, Curve], part: str) -> Plot:
    chosen = {curve: points for curve, points in curves.items() if part in curve}
    traces = [
        line(in_words(curve), [epoch for epoch, _ in points], [value for _, value in points], colour)
        | {"mode": "lines+markers"}
        for (curve, points), colour in zip(chosen.items(), COLOURS, strict=False)
    ]
    epochs = max((len(points) for points in chosen.values()), default=0)
    axes = {
        "xaxis": {"title": {"text": "epoch"}, "tick0": 1, "dtick": max(1, epochs // 8)},
        "yaxis": {"rangemode": "tozero"},
    }
    return Plot(name, title, caption, traces, {**axes, "showlegend": True})


def _systems(report: RunReport, metric: str) -> Plot:
    values = {in_words(system): found[metric] for system, found in report.summary["systems"].items() if metric in found}
    return dots(f"systems-{metric}", metric, "With 95% intervals.", values, [FIRST] + [QUIET] * (len(values) - 1))


def _slice(report: RunReport, name: str) -> Plot:
    groups = report.summary["slices"][name]
    largest = set(sorted(groups, key=lambda group: -groups[group]["queries"])[:GROUPS])
    values = {
        f"{group} ({groups[group]['queries']:,})": groups[group]["metrics"][report.metric]
        for group in groups
        if group in largest
    }
    overall = report.summary["systems"][MODEL][report.metric][0]
    left_out = f" Only the {GROUPS} largest of {len(groups)} groups." if len(groups) > GROUPS else ""
    plot = dots(
        f"slice-{name}",
        f"{report.metric} by {in_words(name)}",
        f"With 95% intervals. Brackets: number of queries. Line: mean over all queries.{left_out}",
        values,
        [FIRST] * len(values),
    )
    mean = {"type": "line", "x0": overall, "x1": overall, "y0": 0, "y1": 1, "yref": "paper"}
    return plot._replace(
        layout={**plot.layout, "shapes": [{**mean, "line": {"color": QUIET, "width": 1, "dash": "dot"}}]}
    )


def _map(report: RunReport) -> Plot:
    traces = []
    for number, group in enumerate(report.item_map.groups):
        named = group.category != OTHER
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": escape(group.category) or "items",
                "x": group.x,
                "y": group.y,
                "text": [escape(title) for title in group.titles],
                "marker": {
                    "color": COLOURS[number] if named else QUIET,
                    "symbol": _SYMBOLS[number] if named else "circle",
                    "size": 6,
                    "opacity": 0.75 if named else 0.4,
                },
                "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
            }
        )
    blank = {"showticklabels": False, "showgrid": False, "showline": False, "ticks": ""}
    return Plot(
        "map",
        f"The {report.item_map.items:,} most popular items",
        "Unit vectors of items in their first two principal components. These explain "
        f"{100 * report.item_map.explained:.0f}% of the variance, so points that are close here can be far apart in "
        "the full space. Colours: first category.",
        traces,
        {
            "xaxis": blank,
            "yaxis": {**blank, "scaleanchor": "x"},
            "hovermode": "closest",
            "dragmode": "zoom",
            "margin": BARE,
        },
        height=560,
    )


def _timings(seconds: Mapping[str, float], cached: Sequence[str]) -> Plot:
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(seconds),
        "x": list(seconds.values()),
        "text": [f"{each:.1f}" for each in seconds.values()],
        "cliponaxis": False,
        "marker": {"color": [QUIET if component in cached else FIRST for component in seconds]},
        "hovertemplate": "%{y}: %{x:.1f} s<extra></extra>",
    }
    axes = {
        "xaxis": {"title": {"text": "seconds"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "showgrid": False},
    }
    return Plot("timings", "Seconds per component", "Grey: from the cache.", [bars], axes, 110 + 28 * len(seconds))


def _cumulative(name: str, title: str, counts: Mapping[str, Counts], report: RunReport) -> Plot:
    traces = []
    for (label, each), colour in zip(counts.items(), (QUIET, FIRST), strict=True):
        numbers, fractions = concentration(each, report.items.order)
        if numbers:
            traces.append(line(label, numbers, fractions, colour))
    return Plot(
        name,
        title,
        "Cumulative fraction over the items, from the most to the least popular in training; logarithmic axis.",
        traces,
        {"xaxis": log_axis("items"), "yaxis": percent_axis("cumulative fraction")},
    )
