"""Files of the artifact of impressions."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.impression import IMPRESSION_REPORT_FILE, QUERIED_IMPRESSION, impressions_file


def write_impressions(
    folder: Path, propensities: list[float | None] | None = None, **splits: list[tuple[list[str], str, str]]
) -> Path:
    """Write an artifact of impressions, each a history, the shown items and the clicked ones."""
    for split in ("train", "eval"):
        rows = [
            {
                "impression_id": str(number),
                "user_id": "u",
                "timestamp_s": 1_000.0,
                "history": history,
                "history_times_s": [0] * len(history),
                "shown": shown.split(),
                "clicked": [item in clicked.split() for item in shown.split()],
            }
            for number, (history, shown, clicked) in enumerate(splits.get(split, []))
        ]
        pq.write_table(pa.Table.from_pylist(rows, QUERIED_IMPRESSION), folder / impressions_file(split))
    (folder / IMPRESSION_REPORT_FILE).write_text(json.dumps({"propensities": propensities}))
    return folder
