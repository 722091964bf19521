from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from components.example_gen.cleaning.late_rows import count_late_rows
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import ingest
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.columns import TimestampConfig
from schemas.config.log import DataConfig
from tests.components.logs import data, interactions, local_pipeline

NOVEMBER_2_S = datetime(2026, 11, 2, tzinfo=timezone.utc).timestamp()


def late(path: str, times: list[float], **settings: TimestampConfig) -> Counter[str]:
    file = path.replace("{YYYY}", "2026").replace("{MM}", "11").replace("{DD}", "02").replace("{SPAN}", "2")
    batch = interactions([("u", "i", time) for time in times], file=file)
    return count_late_rows(batch, data(path, **settings))


@pytest.mark.parametrize("path", ["log/{YYYY}-{MM}-{DD}.csv", "/log/dt={YYYY}{MM}{DD}/*", "s3://b/{YYYY}/{MM}/{DD}/a"])
def test_row_before_the_midnight_of_its_span_is_late(path: str) -> None:
    times = [NOVEMBER_2_S - 0.001, NOVEMBER_2_S, NOVEMBER_2_S + 200_000, 0.0]
    assert late(path, times) == {"2026-11-02": 2}
    assert late(path, times[1:3]) == {"2026-11-02": 0}


def test_late_rows_of_a_batch_with_several_files_are_counted_for_each_span() -> None:
    """A replay reads accepted rows in batches of their users. The span of a day begins at its midnight."""
    days = [
        interactions([("u", "i", NOVEMBER_2_S + 86_400 * day) for day in times], file=f"log-2026-11-{span}.csv")
        for span, times in {"03": [0.5, 1.0], "02": [-0.5, -1.0, 0.0], "01": [-0.5]}.items()
    ]
    (batch,) = pa.Table.from_batches(days).combine_chunks().to_batches()

    found = count_late_rows(batch, data("log-{YYYY}-{MM}-{DD}.csv"))

    assert found == {"2026-11-03": 1, "2026-11-02": 2, "2026-11-01": 0}


def test_no_row_is_late_without_dates() -> None:
    assert late("log-{SPAN}.csv", [0.0]) == {}
    assert late("log.csv", [0.0]) == {}
    assert late("{YYYY}-{MM}-{DD}.csv", [0.0], timestamp=TimestampConfig(unit="order")) == {}


@pytest.mark.parametrize("least", [1, 2])
def test_late_rows_are_counted_by_span_and_used(tmp_path: Path, least: int) -> None:
    days = {"01": [-0.5, 0.0, 0.25], "02": [0.5, 0.75, 1.0, 1.0, -9.0], "03": [2.0, 2.5]}  # in days from November 1
    for day, times in days.items():
        rows = [f"u,i,{NOVEMBER_2_S + 86_400 * (time - 1)}\n" for time in times]
        (tmp_path / f"2026-11-{day}.csv").write_text("user,item,time\n" + "".join(rows) + "u,i,never\n")

    def report(settings: DataConfig) -> IngestionReport:
        ingest(local_pipeline, settings, LeaveOneOutConfig(), HistoryConfig(max_length=3), str(tmp_path / "out"))
        return IngestionReport.read(str(tmp_path / "out"))

    found = report(
        data(tmp_path / "{YYYY}-{MM}-{DD}.csv", num_spans=3, min_item_interactions=least, max_rejected_share=1.0)
    )

    assert found.spans == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert found.late_rows == {"2026-11-01": 1, "2026-11-02": 3, "2026-11-03": 0}
    assert (found.rows_read, found.rows_accepted, found.interactions) == (13, 10, 10)
