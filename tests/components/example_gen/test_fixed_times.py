from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.fixed_times import layouts, read_fixed_times
from components.example_gen.rows import _parse, _seconds
from schemas.config.log import TimestampConfig

FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S.%f",
    "%f us, %Y/%m/%d",
    "%d.%m.%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%m/%d/%Y",
    "%H%%%M %Y-%m-%d",
]
MOMENTS = st.datetimes(datetime(1880, 1, 1), datetime(2230, 12, 31)) | st.datetimes(datetime(1000, 1, 1))


@st.composite
def near_times(draw: st.DrawFn, form: str) -> str:
    """Draw a text of a format, often with another character, or without one."""
    moment = draw(MOMENTS)
    text = moment.strftime(form)
    text = text.replace(f"{moment.microsecond:06}", draw(st.sampled_from(["250", "250000", "7"])))
    place = draw(st.integers(0, 2 * len(text)))
    return text[:place] + draw(st.sampled_from(["", *"0123456789:- \u0663"])) + text[place + draw(st.integers(0, 1)) :]


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_seconds_of_a_fixed_format_equal_those_of_strptime(form: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(near_times(form), min_size=1))
    expected = np.array([_parse(text, form) for text in texts])

    found, readable = _seconds(pa.array(texts), TimestampConfig(format=form))

    assert found.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(readable, ~np.isnan(expected))


@pytest.mark.parametrize("form", FORMATS)
def test_read_fixed_times_reads_full_width_without_strptime(form: str) -> None:
    texts = [datetime(2020, month, day, 1, 2, 3, 450_000).strftime(form) for month, day in [(2, 29), (12, 31), (1, 1)]]

    found = read_fixed_times(pa.array(["", "x", *texts]), form)

    assert found[2:].tolist() == [_parse(text, form) for text in texts]
    assert np.isnan(found[:2]).all()


@pytest.mark.parametrize("text", ["2021-02-29", "2021-00-10", "2021-13-10", "2021-01-00", "0000-01-01", "2021-1-10"])
def test_read_fixed_times_of_no_date_is_nan(text: str) -> None:
    assert np.isnan(read_fixed_times(pa.array([text]), "%Y-%m-%d")).all()


@pytest.mark.parametrize(
    "form", ["%Y", "%H:%M", "%Y-%m-%dT%H:%M:%S%z", "%d %b %Y", "%f%Y-%m-%d", "%f1%Y-%m-%d", "%Y年%m%d"]
)
def test_layouts_of_other_formats_are_none(form: str) -> None:
    assert layouts(form) == []
