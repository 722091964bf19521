"""A small log of interactions with its examples, and logs of impressions of the same users.

Validation starts on day 10 and test on day 20. User u1 has a, b and c before the test span, u2 has b, c and e, and u3
has no test example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.baselines.count_pipeline import count_baselines
from components.example_gen.ingest import ingest
from schemas.config import HistoryConfig, TemporalSplitConfig
from schemas.config.impressions import ImpressionLogConfig
from tests.components.logs import DAY_S, START_S, data, local_pipeline

INTERACTIONS = {
    "u1": [("a", 0), ("b", 1), ("c", 11), ("d", 21)],
    "u2": [("b", 2), ("c", 3), ("e", 12), ("f", 22)],
    "u3": [("a", 5)],
}
HISTORIES = {"u1": (["a", "b", "c"], [0, 1, 11]), "u2": (["b", "c", "e"], [2, 3, 12])}
COLUMNS = {"impression": "id", "user": "user", "timestamp": "time", "shown": "shown", "clicked": "clicked"}


def time_s(day: float) -> int:
    """Return the time of a day of the log."""
    return START_S + int(day * DAY_S)


def write_examples(folder: Path, output: str = "", more: Mapping[str, list[tuple[str, int]]] = {}) -> str:
    """Write the log of interactions, with more users if given, and return the folder of its examples."""
    examples = output or str(folder / "examples")
    rows = [f"{user},{item},{time_s(day)}" for user, events in {**INTERACTIONS, **more}.items() for item, day in events]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *rows, ""]))
    cuts = [datetime.fromtimestamp(time_s(day), timezone.utc) for day in (10, 20)]
    split = TemporalSplitConfig(kind="temporal", validation_from=cuts[0], test_from=cuts[1])
    ingest(local_pipeline, data(folder / "log.csv"), split, HistoryConfig(max_length=3), examples)
    return examples


def write_counts(folder: Path, examples: str) -> str:
    """Count the training split, and return the folder of the counts: a 0, b 1 and c 1 training targets."""
    with local_pipeline() as pipeline:
        count_baselines(pipeline, examples, str(folder / "counts"), ())
    return str(folder / "counts")


def shown(row: int | str, user: str, day: float, items: str, clicked: str = "", history: str = "") -> str:
    """Return a row of a log of impressions."""
    return f"{row},{user},{time_s(day)},{items},{clicked},{history}"


def write_shown(path: Path, rows: Sequence[str]) -> Path:
    """Write a log of impressions."""
    path.write_text("\n".join(["id,user,time,shown,clicked,history", *rows, ""]), encoding="utf-8")
    return path


def settings(path: Path, *, history: bool = False, share: float = 1.0, **changed: Any) -> ImpressionLogConfig:
    """Return the settings that read such a log."""
    columns = COLUMNS | ({"history": "history"} if history else {})
    log = {"path": str(path), "columns": columns, "timestamp": {"unit": "s"}, **changed}
    limits: dict[str, Any] = {"max_rejected_share": share, "max_rejected_share_by_reason": {}}
    return ImpressionLogConfig.model_validate({"impressions": log, **limits})
