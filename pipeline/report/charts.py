"""Parts of a report's figures, as plotly.js reads them. Colours are names in the style sheet, for light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

Trace = dict[str, Any]
Interval = Sequence[float | None]  # mean, low, high

COLOURS = tuple(f"--c{number}" for number in range(1, 8))
FIRST, QUIET = COLOURS[0], "--muted"
BARE = {"l": 48, "r": 16, "t": 12, "b": 28}  # pixels around a plot without a title below it


class Plot(NamedTuple):
    """One figure of the report.

    Args:
        name: a name that is unique in the page.
        title: the heading above the figure.
        caption: the text below it.
        data: traces of plotly.js.
        layout: the layout of plotly.js.
        height: in pixels.
    """

    name: str
    title: str
    caption: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int = 320


def dots(name: str, title: str, caption: str, values: Mapping[str, Interval], colours: Sequence[str]) -> Plot:
    """Return a plot of means with intervals, one row each; entries without a mean are left out.

    Args:
        name: the name of the plot.
        title: its title.
        caption: its caption.
        values: mean, low and high by label.
        colours: the colour of each entry.
    """
    known = [
        (label, mean, low, high, colour)
        for (label, (mean, low, high)), colour in zip(values.items(), colours, strict=True)
        if mean is not None
    ]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [mean for _, mean, *_ in known],
        "y": [escape(label) for label, *_ in known],
        "marker": {"color": [colour for *_, colour in known], "size": 10},
        "error_x": {
            "array": [0 if high is None else high - mean for _, mean, _, high, _ in known],
            "arrayminus": [0 if low is None else mean - low for _, mean, low, *_ in known],
            "color": QUIET,
            "thickness": 1.5,
        },
        "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
    }
    axes = {"xaxis": {"rangemode": "tozero"}, "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category"}}
    return Plot(name, title, caption, [trace] if known else [], {**axes, "margin": BARE}, height=60 + 28 * len(known))


def line(name: str, x: Sequence[float], y: Sequence[float], colour: str) -> Trace:
    """Return a line through points; NaN and infinity leave a gap.

    Args:
        name: the name in the legend.
        x: horizontal positions.
        y: vertical positions.
        colour: a colour of the style sheet.
    """
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": [value if math.isfinite(value) else None for value in y],
        "line": {"color": colour, "width": 2},
    }


def log_axis(title: str) -> dict[str, Any]:
    """Return a logarithmic axis with a tick at each power of ten."""
    return {"type": "log", "title": {"text": title}, "exponentformat": "none", "separatethousands": True, "dtick": 1}


def percent_axis(title: str) -> dict[str, Any]:
    """Return an axis of fractions from 0% to 100%."""
    return {"title": {"text": title}, "tickformat": ".0%", "range": [0, 1.02]}
