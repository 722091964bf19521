from __future__ import annotations

import json
import math

import plotly.graph_objects as go

from pipeline.report.charts import BARE, FIRST, QUIET, Plot, dots, line, log_axis, percent_axis


def accepted(plot: Plot) -> go.Figure:
    """Parse a figure with Plotly, which refuses unknown properties. Colours are replaced by valid ones."""
    text = json.dumps([plot.data, plot.layout]).replace(FIRST, "#000000").replace(QUIET, "#888888")
    return go.Figure(*json.loads(text))


def test_error_bars_reach_from_low_to_high() -> None:
    plot = dots("n", "t", "c", {"first": (0.5, 0.25, 1.0), "second": (0.125, 0.0, 0.25)}, [FIRST, QUIET])
    (trace,) = accepted(plot).data
    assert list(trace.x) == [0.5, 0.125]
    assert list(trace.error_x.array) == [0.5, 0.125]
    assert list(trace.error_x.arrayminus) == [0.25, 0.125]
    assert list(trace.y) == ["first", "second"]


def test_mean_without_an_interval_has_no_error_bar_and_a_missing_mean_is_left_out() -> None:
    plot = dots("n", "t", "c", {"one": (0.5, None, None), "none": (None, None, None)}, [FIRST, QUIET])
    (trace,) = accepted(plot).data
    assert (list(trace.x), list(trace.error_x.array), list(trace.marker.color)) == ([0.5], [0], ["#000000"])


def test_plot_without_values_has_no_data() -> None:
    assert dots("n", "t", "c", {}, []).data == []


def test_labels_with_markup_are_escaped() -> None:
    plot = dots("n", "t", "c", {"<b>bold</b>": (1.0, None, None)}, [FIRST])
    assert plot.data[0]["y"] == ["&lt;b&gt;bold&lt;/b&gt;"]


def test_nan_and_infinity_leave_a_gap() -> None:
    assert line("n", [1, 2, 3], [1.0, math.nan, math.inf], FIRST)["y"] == [1.0, None, None]


def test_plotly_accepts_lines_and_axes() -> None:
    layout = {"xaxis": log_axis("items"), "yaxis": percent_axis("of them"), "margin": BARE}
    figure = accepted(Plot("n", "t", "c", [line("one", [1, 10], [0.5, 1.0], FIRST)], layout))
    assert figure.layout.xaxis.type == "log"
