"""The unit or format of times is guessed from their values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pytest

from components.example_gen.guesses.guess_times import guess_time, is_order
from components.example_gen.values.times import plausible, read_times
from schemas.config.columns import TimestampConfig

START = datetime(2019, 11, 13, 5, 53, 12, 250_000, tzinfo=timezone(timedelta(hours=2)))
MOMENTS = [START + timedelta(hours=31 * step, minutes=7 * step) for step in range(40)]
FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%Y%m%d",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%y %H:%M",
    "%d-%m-%Y",
    "%m %d, %Y",
    "%d %b %Y, %H:%M:%S",
    "%b %d, %Y %I:%M %p",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)


@pytest.mark.parametrize("directives", FORMATS)
def test_format_that_wrote_the_times_is_guessed(directives: str) -> None:
    texts = [moment.strftime(directives) for moment in MOMENTS]
    guess = guess_time(pa.array(texts))
    assert guess is not None
    assert guess.timestamp.format is not None
    read, _ = read_times(pa.array(texts), guess.timestamp)
    expected, _ = read_times(pa.array(texts), TimestampConfig(format=directives))
    assert read.tolist() == expected.tolist()
    assert plausible(pa.array(texts), guess.timestamp).all()


def test_times_in_several_forms_of_iso_8601_are_guessed() -> None:
    guess = guess_time(pa.array(["2020-09-13T12:26:40Z", "2020-09-13 12:26:40.25", "2020-09-14T12:26:40+02:00"]))
    assert guess is not None
    assert guess.timestamp.format == "iso8601"


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_unit_of_numbers_since_1970_is_guessed(unit: str, per_second: int) -> None:
    guess = guess_time(pa.array([str(int(moment.timestamp()) * per_second) for moment in MOMENTS]))
    assert guess is not None
    assert guess.timestamp == TimestampConfig.model_validate({"unit": unit})
    assert "between 2019-11-13 and 2020-01-02" in guess.reason


def test_seconds_with_a_fraction_and_missing_values_are_seconds() -> None:
    guess = guess_time(pa.array([None, "", "NULL", " 1574000000.25 ", "1.574e9"]))
    assert guess is not None
    assert guess.timestamp.unit == "s"


def test_day_and_month_that_fit_in_both_orders_are_guessed_by_the_shorter_span() -> None:
    """1 to 9 March, written with the day first, would be 9 months with the month first."""
    guess = guess_time(pa.array([f"0{day}/03/2020 10:00" for day in range(1, 10)]))
    assert guess is not None
    assert guess.timestamp.format == "%d/%m/%Y %H:%M"
    assert guess.others == ("%m/%d/%Y %H:%M",)


@pytest.mark.parametrize("texts", [["7", "8"], ["u1", "u2"], ["", ""], [], ["2020-13-01"], ["12:30:00"], ["1995"]])
def test_values_that_are_no_times_give_no_guess(texts: list[str]) -> None:
    assert guess_time(pa.array(texts, pa.string())) is None


def test_whole_numbers_can_rank_interactions_and_others_cannot() -> None:
    assert is_order(pa.array(["0", "17", "3.0"]))
    assert not is_order(pa.array(["0.5", "1.5"]))
    assert not is_order(pa.array(["-1", "-2"]))
    assert not is_order(pa.array([""]))
