"""The check of a log before a run, where its times are not those of the configuration."""

from pathlib import Path

import pytest

from schemas.config.columns import TimestampConfig
from tests.components.example_gen.test_preflight import problem, write
from tests.components.logs import START_S


@pytest.mark.parametrize(
    ("configured", "power", "unit"), [("s", 3, "ms"), ("ms", 0, "s"), ("s", 6, "us"), ("us", 9, "ns"), ("ns", 3, "ms")]
)
def test_check_log_with_times_in_another_unit_names_it(tmp_path: Path, configured: str, power: int, unit: str) -> None:
    rows = "".join(f"u,i,{(START_S + i) * 10**power}\n" for i in range(20))
    timestamp = TimestampConfig.model_validate({"unit": configured})

    message = problem(write(tmp_path / "log.csv", f"user,item,time\n{rows}"), timestamp=timestamp)

    assert f"set data.timestamp.unit: {unit}" in message
    assert f"'{START_S * 10**power}'" in message


def test_check_log_with_numbers_that_are_not_times_suggests_the_unit_order(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", "user,item,time\nu,i,1\nu,i,2\n"))

    assert "data.timestamp.unit: order" in message


@pytest.mark.parametrize(
    ("timestamp", "value", "messages"),
    [
        ({"unit": "s"}, "yesterday", ["set data.timestamp.format if times are text"]),
        ({"unit": "s"}, "13/09/2020 12:26", ['format: "%d/%m/%Y %H:%M"']),
        ({"unit": "s"}, "9/13/2020 8:26", ['format: "%m/%d/%Y %H:%M"']),
        ({"format": "iso8601"}, "9/13/2020 8:26 PM", ['format: "%m/%d/%Y %I:%M %p"']),
        ({"unit": "s"}, "13/Sep/2020:12:26:40 +0200", ['format: "%d/%b/%Y:%H:%M:%S %z"']),
        ({"unit": "s"}, "20200913122640", ['format: "%Y%m%d%H%M%S"']),
        ({"unit": "s"}, "2020-09-13", ["in s", "'2020-09-13'", "format: iso8601, and no data.timestamp.unit"]),
        ({"format": "%d.%m.%Y"}, "2020-09-13", ["like %d.%m.%Y", "set data.timestamp.format: iso8601"]),
        ({"format": ["%d.%m.%Y", "%Y"]}, "soon", ["like %d.%m.%Y or %Y", "correct data.timestamp.format"]),
        ({"format": "iso8601"}, "2020-09-13T24:00", ["like iso8601", "correct data.timestamp.format"]),
        ({"format": "%d.%m.%Y"}, "1600000000000", ["unit: ms, and no data.timestamp.format"]),
    ],
)
def test_check_log_with_times_of_another_kind_names_the_remedy(
    tmp_path: Path, timestamp: dict[str, str], value: str, messages: list[str]
) -> None:
    path = write(tmp_path / "log.csv", f"user,item,time\nu,i,{value}\n")

    message = problem(path, timestamp=TimestampConfig.model_validate(timestamp))

    assert [text for text in messages if text not in message] == []


def test_check_log_of_files_in_the_wrong_unit_names_the_unit(tmp_path: Path) -> None:
    for number in range(3):
        rows = "".join(f"u,i,{START_S + i}000\n" for i in range(20))
        write(tmp_path / f"{number}.csv", f"user,item,time\n{rows}")

    message = problem(tmp_path / "*.csv")

    assert f"times between 1980 and 2100 in column 'time' of {tmp_path}/0.csv, in s" in message
    assert "timestamp_out_of_range: 20 rows; set data.timestamp.unit: ms\n" in message
    assert message.count(f"\n    {tmp_path}/0.csv:") == 3
    assert message.endswith("remedy:   set data.timestamp.unit: ms")


@pytest.mark.parametrize("value", ["0.5", "-1", str(2**53 + 2), "first"])
def test_check_log_of_the_unit_order_asks_for_whole_numbers(tmp_path: Path, value: str) -> None:
    path = write(tmp_path / "log.csv", f"user,item,time\nu,i,{value}\n")

    message = problem(path, timestamp=TimestampConfig(unit="order"))

    assert f"expected: whole numbers from 0 to 2**53 in column 'time' of {path}, in order" in message
    assert f"'{value}'" in message
    assert "remedy:   number the interactions" in message
    assert "unit: order" not in message


def test_check_log_of_the_unit_order_with_dates_names_their_unit(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", f"user,item,time\nu,i,{START_S}.5\n")

    assert "set data.timestamp.unit: s" in problem(path, timestamp=TimestampConfig(unit="order"))
