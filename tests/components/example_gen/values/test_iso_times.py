import calendar
import math
from datetime import datetime, timezone
from fractions import Fraction

import dateutil.parser
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.values.fixed_times import read_layouts
from components.example_gen.values.iso_times import ISO_LAYOUTS, read_iso_time
from components.example_gen.values.times import read_times
from schemas.config.columns import TimestampConfig

ISO = TimestampConfig(format="iso8601")
OFFSETS_MIN = {"": 0, "Z": 0, "z": 0, "+02:00": 120, "-0530": -330, "+14": 840, "-00:00": 0, "-23:59": -1439}


@st.composite
def iso_times(draw: st.DrawFn) -> tuple[str, float]:
    """Draw a time in any of the forms, and its seconds by exact arithmetic."""
    moment = draw(st.datetimes(datetime(1980, 1, 2), datetime(2099, 12, 30)))
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]))
    text = moment.strftime(form)
    fraction = draw(st.text("0123456789", max_size=40)) if text.count(":") == 2 else ""
    zone = draw(st.sampled_from(sorted(OFFSETS_MIN))) if ":" in text else ""
    whole = calendar.timegm(datetime.strptime(text, form).timetuple()) - 60 * OFFSETS_MIN[zone]
    exact = whole + Fraction(int(fraction or 0), 10 ** len(fraction))
    return text + (draw(st.sampled_from(".,")) + fraction if fraction else "") + zone, float(exact)


@st.composite
def near_iso_times(draw: st.DrawFn) -> str:
    """Draw a time of any year, often with another character, or without one."""
    text = draw(st.datetimes(timezones=st.just(timezone.utc))).isoformat() if draw(st.booleans()) else ""
    text = text or draw(iso_times())[0]
    place = draw(st.integers(0, 2 * len(text)))
    return text[:place] + draw(st.sampled_from(["", *"0123456789:-+TZ \u0663"])) + text[place + 1 :]


@given(st.lists(iso_times(), min_size=1))
def test_read_times_of_iso_texts_gives_exact_seconds(times: list[tuple[str, float]]) -> None:
    seconds, readable = read_times(pa.array([text for text, _ in times]), ISO)

    assert seconds.tolist() == [second for _, second in times]
    assert readable.all()


@given(st.lists(near_iso_times(), min_size=1))
def test_read_times_accepts_only_what_dateutil_reads_as_the_same_time(texts: list[str]) -> None:
    seconds, readable = read_times(pa.array(texts), ISO)

    for text, second, good in zip(texts, seconds, readable, strict=True):
        if good:
            moment = dateutil.parser.isoparse(text)
            assert abs((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() - second) < 2e-6


@given(st.lists(near_iso_times(), min_size=1))
def test_read_layouts_of_iso_texts_equal_those_read_one_by_one(texts: list[str]) -> None:
    found = read_layouts(pa.array(texts), ISO_LAYOUTS)

    for text, second in zip(texts, found, strict=True):
        assert np.isnan(second) or second == pytest.approx(read_iso_time(text), abs=1e-9, rel=0)


def test_read_layouts_reads_iso_texts_with_up_to_12_digits_of_a_fraction() -> None:
    zones = ["", "Z", "+02:00", "+0200", "+02"]
    numbers = [f"40.{'123456789012'[:digits]}" for digits in range(1, 13)]
    texts = [f"2020-09-13T12:26:{number}{zone}" for number in ["40", *numbers] for zone in zones]

    assert not np.isnan(read_layouts(pa.array([*texts, "2020-09-13 12:26", "2020-09-13"]), ISO_LAYOUTS)).any()


@pytest.mark.parametrize(
    "text",
    [
        "2020-13-01",
        "2021-02-29",
        "0000-01-01",
        "2020-09-13T24:00:00",
        "2020-09-13T23:59:60Z",
        "2020-09-13T23:60",
        "2020-09-13T12",
        "2020-09-13T12:26.5",
        "2020-09-13T12:26:40.",
        "2020-09-13T12:26:40+24:00",
        "2020-09-13T12:26:40+02:60",
        "2020-09-13T12:26:40+2:00",
        "2020-09-13T12:26:40 +02:00",
        "2020-09-13Z",
        "20200913T122640Z",
        "2020-W37-7",
        "2020-257",
        "1600000000",
        "\u0662020-09-13",
        "",
    ],
)
def test_read_iso_time_of_another_text_is_nan(text: str) -> None:
    assert math.isnan(read_iso_time(text))
    assert np.isnan(read_layouts(pa.array([text]), ISO_LAYOUTS)).all()
