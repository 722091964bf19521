"""Rendering of a report as one self-contained HTML file."""

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

from components.data_validator.drift import SIDES
from pipeline.report.attention import attention_text
from pipeline.report.charts import Plot
from pipeline.report.gather import RunReport
from pipeline.report.model_card import fairness, limits, training_data
from pipeline.report.plots import plots, shown_metrics
from pipeline.report.verdict_text import in_words

_TEMPLATES = Path(__file__).with_name("templates")
_SHOWN_ITEMS = 10  # of a history as text; the strip shows all of them


def render(report: RunReport) -> str:
    """Render the page.

    Texts of the log cannot become markup or code. The templates escape them, and the page's security policy allows
    only its own two scripts and no external files.

    Args:
        report: the content of the report.

    Returns:
        HTML.
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
        metrics=shown_metrics(report),
        sides=SIDES,
        attention=attention_text(report.attention),
        limits=list(limits(report)),
        training_data=list(training_data(report.record)),
        fairness=list(fairness(report)),
        shown_items=_SHOWN_ITEMS,
        # Both scripts belong to packages, and do not contain a closing tag.
        scripts=[Markup(script) for script in scripts],
        digests=[_digest(script) for script in scripts],
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
    )


def count(value: int) -> str:
    """Return an integer with thousands separators.

    Example:
        >>> count(1234)
        '1,234'
    """
    return f"{value:,}"


def number(value: float | None) -> str:
    """Return a number with four decimals, or a dash for None.

    Example:
        >>> number(0.25), number(None)
        ('0.2500', '-')
    """
    return "-" if value is None else f"{value:.4f}"


def percent(value: float) -> str:
    """Return a fraction as a percentage with one decimal.

    Example:
        >>> percent(0.1234)
        '12.3%'
    """
    return f"{100 * value:.1f}%"


def interval(value: Sequence[float | None]) -> str:
    """Return the ends of an interval, or an empty text if it has none.

    Args:
        value: mean, low and high.

    Example:
        >>> interval((0.5, 0.25, 0.75)), interval((0.5, None, None))
        ('0.2500 to 0.7500', '')
    """
    return "" if None in value else f"{value[1]:.4f} to {value[2]:.4f}"


def day(seconds: float) -> str:
    """Return the UTC date of a time in Unix seconds.

    Example:
        >>> day(0)
        '1970-01-01'
    """
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")


def _figure(plot: Plot) -> Mapping[str, Any]:
    return {"name": plot.name, "data": plot.data, "layout": plot.layout}


def _digest(script: str) -> str:
    """Return the name of a script in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
