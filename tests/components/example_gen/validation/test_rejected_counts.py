from collections import Counter

import pyarrow as pa

from components.example_gen.sources.rejected_rows import SAMPLE_CHARACTERS, RejectedRow
from components.example_gen.validation.rejected_counts import CountRejected
from schemas.interaction import REJECTED
from tests.components.example_gen.counts.test_combiners import combine


def rejected(rows: list[tuple[str, int]]) -> pa.RecordBatch:
    reasons, lines = zip(*rows, strict=True)
    columns = [reasons, ["log.csv"] * len(rows), lines, [b"x" * 1000] * len(rows)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, REJECTED, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=REJECTED)


def test_count_rejected_counts_all_rows_and_keeps_the_first_three_of_each_reason() -> None:
    one, two = rejected([("no_item", 9), ("no_user", 5), ("no_item", 7)]), rejected([("no_item", 10), ("no_item", 2)])

    counts = combine(CountRejected(), [[one], [two]])

    assert counts == combine(CountRejected(), [[two, one]])
    assert counts.rows == Counter(no_item=4, no_user=1)
    raw = "x" * SAMPLE_CHARACTERS
    assert counts.samples["no_item"] == [RejectedRow("log.csv", line, raw) for line in (2, 7, 9)]
    assert counts.samples["no_user"] == [RejectedRow("log.csv", 5, raw)]
