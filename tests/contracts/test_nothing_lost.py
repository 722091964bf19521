"""Every row of a log is counted once, per file and in all, with what became of it."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from components.example_gen.counts.file_counts import FILES_FILE
from components.example_gen.counts.report import LEFT_OUT, IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.sources.source import SOURCES
from schemas.config import HistoryConfig, LeaveOneOutConfig
from tests.components import planted_defects
from tests.components.logs import local_pipeline


@pytest.mark.parametrize("kind", SOURCES)
@given(seed=st.integers(0, 2**32), files=st.integers(1, 4))
@settings(max_examples=2, phases=[Phase.generate])  # each takes a second, so that shrinking takes minutes
def test_each_planted_defect_is_counted_in_its_file_and_in_all(kind: str, seed: int, files: int) -> None:
    draw = random.Random(seed)
    counts = {name: draw.randrange(5) for name in planted_defects.possible(kind)}
    rows = planted_defects.plant(kind, counts, draw)
    with tempfile.TemporaryDirectory() as folder:
        placed = planted_defects.write(rows, Path(folder, "log"), kind, files, draw)
        log = planted_defects.settings(Path(folder, "log"), kind)

        ingest(local_pipeline, log, LeaveOneOutConfig(), HistoryConfig(max_length=5), f"{folder}/out")

        report = IngestionReport.read(f"{folder}/out")
        of_files = [json.loads(line) for line in Path(folder, "out", FILES_FILE).read_text().splitlines()]
        letters = [
            json.loads(line)
            for path in Path(folder).glob("out/rejected/*")
            for line in gzip.decompress(path.read_bytes()).splitlines()
        ]
    left_out = {rule: counts.get(rule, 0) for rule in LEFT_OUT}
    left_out["bots"] *= planted_defects.MAX_PER_DAY + 1
    assert of_files == [{"file": name, **planted_defects.expected(part)} for name, part in placed.items()]
    assert report.rows_read == len(rows)
    assert report.rows_rejected == {name: n for name, n in counts.items() if n and name not in LEFT_OUT}
    assert report.left_out == left_out
    assert report.rows_read == report.interactions + sum(report.rows_rejected.values()) + sum(left_out.values())
    assert Counter((each["file"], each["reason"]) for each in letters) == Counter(
        (name, each.becomes) for name, part in placed.items() for each in part if each.becomes in report.rows_rejected
    )
