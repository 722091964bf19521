"""Every row of a log is counted once, per file and in all, with what became of it."""

from __future__ import annotations

import gzip
import json
import operator
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from components.example_gen.counts.file_counts import FILES_FILE
from components.example_gen.counts.report import LEFT_OUT, IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.sources.rejected_rows import SAMPLE_CHARACTERS, SAMPLES, RejectedRow
from components.example_gen.sources.source import SOURCES
from schemas.config import HistoryConfig, LeaveOneOutConfig
from tests.components import planted_defects
from tests.components.logs import local_pipeline
from tests.components.small_pieces import small_pieces

PLACE = operator.itemgetter("file", "line")


def dead_letters(folder: Path) -> list[dict[str, Any]]:
    """Return the rejected rows that an ingestion has written, in the order of the log."""
    files = (gzip.decompress(path.read_bytes()) for path in folder.glob("rejected/*"))
    return sorted((json.loads(line) for text in files for line in text.splitlines()), key=PLACE)


@pytest.mark.parametrize("kind", SOURCES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=2, phases=[Phase.generate])  # each takes seconds, so that shrinking takes minutes
def test_each_planted_defect_is_counted_in_its_file_and_in_all(kind: str, seed: int) -> None:
    draw = random.Random(seed)  # Hypothesis begins with 0 each time
    counts = {name: draw.randrange(5) for name in planted_defects.possible(kind)}
    rows = planted_defects.plant(kind, counts, draw)
    with tempfile.TemporaryDirectory() as folder, small_pieces(draw):
        placed = planted_defects.write(rows, Path(folder, "log"), kind, draw.randrange(1, 5), draw)
        log = planted_defects.settings(Path(folder, "log"), kind)

        ingest(local_pipeline, log, LeaveOneOutConfig(), HistoryConfig(max_length=5), f"{folder}/out")

        report = IngestionReport.read(f"{folder}/out")
        of_files = [json.loads(line) for line in Path(folder, "out", FILES_FILE).read_text().splitlines()]
        found = dead_letters(Path(folder, "out"))

    assert of_files == [{"file": name, **planted_defects.expected(part)} for name, part in placed.items()]
    expected = planted_defects.expected([row for part in placed.values() for row in part])
    assert report.rows_rejected == {name: counts[name] for name in planted_defects.REASONS if counts.get(name)}
    assert {rule: count for rule, count in report.left_out.items() if count} == expected["rows_left_out"]
    assert (report.rows_read, report.rows_accepted) == (len(rows), expected["rows_accepted"])
    assert report.interactions == sum(report.roles.values()) == expected["interactions"]
    assert report.rows_read == report.interactions + sum(report.rows_rejected.values()) + sum(report.left_out.values())

    letters = [letter for name, part in placed.items() for letter in planted_defects.letters(part, name, log)]
    assert found == letters
    for reason in report.rows_rejected:
        first = [letter for letter in letters if letter["reason"] == reason][:SAMPLES]
        samples = [RejectedRow(each["file"], each["line"], each["raw"][:SAMPLE_CHARACTERS]) for each in first]
        assert report.rejected_samples[reason] == samples


def test_planted_defects_are_all_reasons_of_a_row_and_all_rules() -> None:
    planted = planted_defects.plant("csv", dict.fromkeys(planted_defects.possible("csv"), 1), random.Random(0))

    assert {each.becomes for each in planted} == {*planted_defects.REASONS, *LEFT_OUT, "interactions"}
