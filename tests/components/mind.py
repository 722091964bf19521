"""The settings that read MIND's behaviours, and where a sample of them may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.config.impressions import ImpressionsConfig

NEWS = Path(__file__).resolve().parents[3] / "shared" / "data" / "news"
needs_news = pytest.mark.skipif(not NEWS.exists(), reason="needs ../shared/data/news")

FORM: dict[str, Any] = {
    "delimiter": "\t",
    "quote": None,
    "column_names": ("impression", "user", "time", "history", "shown"),
    "columns": {name: name for name in ("impression", "user", "history", "shown")} | {"timestamp": "time"},
    "timestamp": {"format": "%m/%d/%Y %I:%M:%S %p"},
    "clicked_suffix": "-1",
    "not_clicked_suffix": "-0",
}


def mind(path: str | Path = "behaviors.tsv", **settings: Any) -> ImpressionsConfig:
    """Return the settings of MIND's form, with some replaced."""
    return ImpressionsConfig.model_validate({"path": str(path), **FORM, **settings})
