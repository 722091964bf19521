from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.values.fixed_times import layouts, read_layouts
from components.example_gen.values.times import read_time, read_times
from schemas.config.columns import TimestampConfig

FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S.%f%z",
    "%Y-%m-%d %H:%M:%S.%f",
    "%f us, %Y/%m/%d",
    "%d.%m.%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%m/%d/%Y",
    "%H%%%M %Y-%m-%d",
]
ZONE = timezone(timedelta(hours=-5, minutes=-30))
MOMENTS = st.datetimes(datetime(1880, 1, 1), datetime(2230, 12, 31)) | st.datetimes(datetime(1000, 1, 1))


@st.composite
def near_times(draw: st.DrawFn, form: str) -> str:
    """Draw a text of a format, often with another character, or without one."""
    moment = draw(MOMENTS).replace(tzinfo=timezone(timedelta(minutes=draw(st.integers(-1439, 1439)))))
    text = moment.strftime(form)
    if form.endswith("%z"):
        text = draw(st.sampled_from([text, f"{text[:-2]}:{text[-2:]}", f"{text[:-5]}Z"]))
    text = text.replace(f"{moment.microsecond:06}", draw(st.sampled_from(["250", "250000", "7"])))
    place = draw(st.integers(0, 2 * len(text)))
    return text[:place] + draw(st.sampled_from(["", *"0123456789:- \u0663"])) + text[place + draw(st.integers(0, 1)) :]


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_seconds_of_a_fixed_format_equal_those_of_strptime(form: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(near_times(form), min_size=1))
    expected = np.array([read_time(text, form) for text in texts])

    found, readable = read_times(pa.array(texts), TimestampConfig(format=form))

    assert found.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(readable, ~np.isnan(expected))


@pytest.mark.parametrize("form", FORMATS)
def test_read_layouts_reads_full_width_without_strptime(form: str) -> None:
    texts = [
        datetime(2020, month, day, 1, 2, 3, 450_000, ZONE).strftime(form) for month, day in [(2, 29), (12, 31), (1, 1)]
    ]

    found = read_layouts(pa.array(["", "x", *texts]), layouts(form))

    assert found[2:].tolist() == [read_time(text, form) for text in texts]
    assert np.isnan(found[:2]).all()


@pytest.mark.parametrize("text", ["2021-02-29", "2021-00-10", "2021-13-10", "2021-01-00", "0000-01-01", "2021-1-10"])
def test_read_layouts_of_no_date_is_nan(text: str) -> None:
    assert np.isnan(read_layouts(pa.array([text]), layouts("%Y-%m-%d"))).all()


@pytest.mark.parametrize(
    "form", ["%Y", "%H:%M", "%Y-%m-%d%z %H:%M", "%d %b %Y", "%f%Y-%m-%d", "%f1%Y-%m-%d", "%Y年%m%d"]
)
def test_layouts_of_other_formats_are_none(form: str) -> None:
    assert layouts(form) == []
