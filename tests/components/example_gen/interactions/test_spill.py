from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.interactions import spill
from components.example_gen.interactions.spill import BUCKETS, Shard, Spill, SpillRows, buckets_of, read_spill, shards
from tests.components.logs import interactions, local_pipeline

ROWS = [(f"u{row % 97}", f"i{row}", float(row)) for row in range(1000)]


@given(rows=st.integers(0, 10**9), per_shard=st.integers(1, 10**7))
def test_shards_cover_every_bucket_once(rows: int, per_shard: int) -> None:
    found = shards(rows, per_shard)

    assert [bucket for shard in found for bucket in shard.buckets] == list(range(BUCKETS))
    assert len(found) == BUCKETS or len(found) * per_shard >= rows
    assert len(found) == 1 or len(found) * per_shard < 2 * rows  # half as many would be too few


def test_shards_of_no_row_are_one() -> None:
    assert shards(0, 100) == [Shard(0, 1)]


def test_long_texts_are_spilled_before_there_are_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "SPILL_BYTES", 100_000)
    writer = SpillRows(str(tmp_path))
    writer.start_bundle()

    found = [list(writer.process(interactions([("u", "i" * 40_000, 1.0)]))) for _ in range(7)]

    assert [[each.rows for each in spills] for spills in found] == [[], [], [3], [], [], [3], []]


@pytest.mark.parametrize("kept", [1, 300, 10_000])
def test_rows_of_an_id_are_in_one_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(spill, "SPILL_ROWS", kept)
    batches = [interactions(ROWS[start : start + 100], first_line=start) for start in range(0, 1000, 100)]

    def check(found: Iterable[Spill]) -> None:
        files = list(found)
        assert sum(each.rows for each in files) == 1000
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(each.path).name for each in files)
        rows, users = [], []
        for shard in shards(8, 1):
            read = [batch for each in files for batch in read_spill(each, shard)]
            rows += [row for batch in read for row in zip(*(c.to_pylist() for c in batch.columns[:3]), strict=True)]
            users.append({user for batch in read for user in batch.column(0).to_pylist()})
        assert sorted(rows) == sorted(ROWS)
        assert sum(map(len, users)) == len(set().union(*users)) == 97
        assert min(map(len, users)) > 0

    with local_pipeline() as pipeline:
        assert_that(pipeline | beam.Create(batches) | beam.ParDo(SpillRows(str(tmp_path))), check)


def test_bucket_of_an_id_does_not_depend_on_the_other_ids() -> None:
    ids = pa.array(["a", "é", "u" * 1000, "a", "b"])

    assert buckets_of(ids).tolist() == [int(buckets_of(ids.slice(index, 1))[0]) for index in range(5)]


def test_buckets_are_of_similar_size() -> None:
    counts = pa.array(buckets_of(pa.array([f"customer-{number}" for number in range(100_000)]))).value_counts()

    sizes = counts.field(1).to_pylist()  # the mean is 391, with a standard deviation of 20
    assert len(sizes) == BUCKETS
    assert min(sizes) > 290
    assert max(sizes) < 490
