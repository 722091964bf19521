from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.values.times import plausible, read_time, read_times
from schemas.config.columns import TimestampConfig

FORMATS = ["%d/%m/%Y", "iso8601", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%d %b %Y"]
TEXTS = st.tuples(st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)), st.sampled_from(FORMATS)).map(
    lambda drawn: drawn[0].isoformat() if drawn[1] == "iso8601" else drawn[0].strftime(drawn[1])
) | st.text(max_size=5)


def test_plausible_finds_times_of_a_unit() -> None:
    texts = pa.array([" 1500000000000", "1500000000", "x"])

    assert plausible(texts, TimestampConfig(unit="ms")).tolist() == [True, False, False]


@given(st.lists(TEXTS, min_size=1), st.lists(st.sampled_from(FORMATS), min_size=1, max_size=3, unique=True))
def test_read_times_in_several_formats_takes_the_first_that_reads(texts: list[str], formats: list[str]) -> None:
    expected = [
        next((time for form in formats if not np.isnan(time := read_time(text, form))), np.nan) for text in texts
    ]

    seconds, readable = read_times(pa.array(texts), TimestampConfig(format=tuple(formats)))

    np.testing.assert_array_equal(seconds, expected)
    np.testing.assert_array_equal(readable, ~np.isnan(expected))


@pytest.mark.parametrize(
    ("formats", "day"), [(("%d/%m/%Y", "%m/%d/%Y"), "2020-02-01"), (("%m/%d/%Y", "%d/%m/%Y"), "2020-01-02")]
)
def test_read_times_of_a_text_that_two_formats_read_takes_the_first(formats: tuple[str, ...], day: str) -> None:
    seconds, _ = read_times(pa.array(["01/02/2020"]), TimestampConfig(format=formats))

    assert seconds.tolist() == [datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()]
