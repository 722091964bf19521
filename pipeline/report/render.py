"""A report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from pipeline.report.charts import Plot
from pipeline.report.gather import RunReport
from pipeline.report.model_card import fairness, limits
from pipeline.report.plots import main_metrics, plots
from pipeline.report.verdict_text import in_words

_TEMPLATES = Path(__file__).with_name("templates")
_SHOWN_ITEMS = 10  # of a history in words; the strip has all


def render(report: RunReport) -> str:
    """The page.

    Whatever comes from the log is text: the templates escape it, and the page
    lets the browser run no script but the two that it is made with, nor load
    anything from anywhere.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "number": number,
        "percent": percent,
        "interval": interval,
        "day": day,
        "in_words": in_words,
    }
    drawn = plots(report)
    scripts = [get_plotlyjs(), (_TEMPLATES / "report.js").read_text(encoding="utf-8")]
    return environment.get_template("report.html.j2").render(
        report=report,
        record=report.record,
        config=report.config,
        plots=drawn,
        figures=[_figure(plot) for some in drawn.values() for plot in some],
        metrics=main_metrics(report),
        limits=list(limits(report)),
        fairness=list(fairness(report)),
        shown_items=_SHOWN_ITEMS,
        # Both are the package's own, and end in no tag of theirs.
        scripts=[Markup(script) for script in scripts],
        digests=[_digest(script) for script in scripts],
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
    )


def count(value: int) -> str:
    """1234 is `1,234`."""
    return f"{value:,}"


def number(value: float | None) -> str:
    """Four decimals; a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def percent(value: float) -> str:
    """.1234 is `12.3 %`."""
    return f"{100 * value:.1f} %"


def interval(value: Sequence[float | None]) -> str:
    """The ends of (mean, low, high); nothing where there is none."""
    return "" if None in value else f"{value[1]:.4f} to {value[2]:.4f}"


def day(seconds: float) -> str:
    """The date of a time in unix seconds."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")


def _figure(plot: Plot) -> Mapping[str, Any]:
    return {"name": plot.name, "data": plot.data, "layout": plot.layout}


def _digest(script: str) -> str:
    """As a content security policy names a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
