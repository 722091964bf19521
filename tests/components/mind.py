"""The settings that read MIND's behaviours, and where a sample of them may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.content.mind import BEHAVIORS
from schemas.config.impressions import ImpressionsConfig

NEWS = Path(__file__).resolve().parents[3] / "shared" / "data" / "news"
needs_news = pytest.mark.skipif(not NEWS.exists(), reason="needs ../shared/data/news")


def mind(path: str | Path = "behaviors.tsv", **settings: Any) -> ImpressionsConfig:
    """Return the settings of MIND's form, with some replaced."""
    return ImpressionsConfig.model_validate({"path": str(path), **BEHAVIORS, **settings})
