from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx.components.example_gen import utils
from tfx.proto import example_gen_pb2

from components.example_gen.sources.files import match_log
from components.example_gen.sources.spans import find_span, select_spans, span_glob
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.logs import DAY_S, data

LAYOUTS = ("{YYYY}-{MM}-{DD}/a.csv", "{DD}.{MM}.{YYYY}.csv", "y={YYYY}/m={MM}/{DD}-b", "{YYYY}{MM}{DD}")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("user,item,time\n")


def matched(folder: Path, pattern: str, **settings: Any) -> list[str]:
    """Return the files of the newest spans, relative to the folder."""
    found = match_log(data(folder / pattern, **settings))
    return [str(Path(name).relative_to(folder)) for name in found]


def filled(layout: str, day: date) -> str:
    return layout.replace("{YYYY}", f"{day:%Y}").replace("{MM}", f"{day:%m}").replace("{DD}", f"{day:%d}")


@given(numbers=st.sets(st.integers(0, 10**12), min_size=1), count=st.integers(1, 5), width=st.none() | st.just(13))
def test_newest_numbers_are_selected_in_their_order(numbers: set[int], count: int, width: int | None) -> None:
    pattern = "log-{SPAN}.csv" if width is None else f"log-{{SPAN:{width}}}.csv"
    files = {number: f"log-{str(number).zfill(width or 0)}.csv" for number in numbers}

    found = select_spans(files.values(), pattern, count)

    expected = sorted(numbers)[-count:]
    assert [(span.number, span.name) for span in found] == [(number, str(number)) for number in expected]
    assert list(found.values()) == [[files[number]] for number in expected]


@given(days=st.sets(st.dates(date(1900, 1, 1)), min_size=1), count=st.integers(1, 5), layout=st.sampled_from(LAYOUTS))
def test_newest_dates_are_selected_in_their_order(days: set[date], count: int, layout: str) -> None:
    files = {day: filled(layout, day) for day in days}

    found = select_spans(files.values(), layout, count)

    expected = sorted(days)[-count:]
    assert [span.name for span in found] == [str(day) for day in expected]
    assert [timedelta(seconds=span.start_s or 0) for span in found] == [day - date(1970, 1, 1) for day in expected]
    assert list(found.values()) == [[files[day]] for day in expected]


@given(numbers=st.sets(st.integers(0, 30), min_size=1), count=st.integers(1, 5), until=st.integers(0, 30))
def test_later_spans_change_no_earlier_window(numbers: set[int], count: int, until: int) -> None:
    files = [f"{number}.csv" for number in numbers]
    earlier = [file for file in files if int(file.removesuffix(".csv")) <= until]

    assert select_spans(files, "{SPAN}.csv", count, until) == select_spans(earlier, "{SPAN}.csv", count)


@pytest.mark.parametrize(
    ("pattern", "names", "number"),
    [
        ("log-{SPAN}.csv", ["log-9.csv", "log-10.csv"], 10),
        ("{SPAN:3}/*.csv", ["009/a.csv", "010/b.csv", "008/c.csv"], 10),
        ("{YYYY}-{MM}-{DD}/a.csv", ["2026-02-28/a.csv", "2026-10-01/a.csv", "2026-03-31/a.csv"], 20_727),
        ("{DD}{MM}{YYYY}.csv", ["31122025.csv", "01012026.csv"], 20_454),
    ],
)
def test_newest_span_is_the_one_that_tfx_finds(tmp_path: Path, pattern: str, names: list[str], number: int) -> None:
    write(tmp_path, *names)
    split = example_gen_pb2.Input.Split(name="all", pattern=pattern)

    of_tfx = utils.calculate_splits_fingerprint_span_and_version(str(tmp_path), [split])[1]

    assert of_tfx == number
    found = match_log(data(tmp_path / pattern))
    assert {find_span(file, f"{tmp_path}/{pattern}").number for file in found} == {number}


class TestFiles:
    def test_window_has_the_files_of_all_its_spans(self, tmp_path: Path) -> None:
        write(tmp_path, "9/a.csv", "9/b.csv", "10/a.csv", "11/b.csv", "11/c.txt")

        assert matched(tmp_path, "{SPAN}/*.csv") == ["11/b.csv"]
        assert matched(tmp_path, "{SPAN}/*.csv", num_spans=2) == ["10/a.csv", "11/b.csv"]
        assert matched(tmp_path, "{SPAN}/*.csv", num_spans=9) == ["10/a.csv", "11/b.csv", "9/a.csv", "9/b.csv"]

    def test_one_number_with_and_without_zeros_is_one_span(self, tmp_path: Path) -> None:
        write(tmp_path, "1.csv", "02.csv", "2.csv")

        assert matched(tmp_path, "{SPAN}.csv") == ["02.csv", "2.csv"]

    def test_folder_of_a_span_stands_for_its_files_and_partitions(self, tmp_path: Path) -> None:
        write(tmp_path, "2026-11-01/a.csv", "2026-11-02/c=x/b.csv", "2026-11-02/d.json", "2026-11-02/e/f.csv")
        (tmp_path / "2026-11-03").mkdir()  # empty: its files may still come

        for pattern in ("{YYYY}-{MM}-{DD}", "{YYYY}-{MM}-{DD}/"):
            assert matched(tmp_path, pattern) == ["2026-11-02/c=x/b.csv"]
            assert matched(tmp_path, pattern, num_spans=2) == ["2026-11-01/a.csv", "2026-11-02/c=x/b.csv"]

    def test_folder_below_a_span_stands_for_its_files(self, tmp_path: Path) -> None:
        write(tmp_path, "1/log/a.csv", "1/other/b.csv", "2/log/c.csv")

        assert matched(tmp_path, "{SPAN}/log", num_spans=2) == ["1/log/a.csv", "2/log/c.csv"]

    def test_globs_and_partitions_are_in_the_same_path(self, tmp_path: Path) -> None:
        write(tmp_path, "de/dt=2026-11-01/a.csv", "fr/dt=2026-11-02/h=1/b.csv", "de/dt=2026-11-02/c.csv", "us/x.csv")

        assert matched(tmp_path, "[df]?/dt={YYYY}-{MM}-{DD}") == [
            "de/dt=2026-11-02/c.csv",
            "fr/dt=2026-11-02/h=1/b.csv",
        ]

    def test_number_is_all_digits_next_to_a_wildcard(self, tmp_path: Path) -> None:
        write(tmp_path, "part-a-9.csv", "part-b-12.csv", "part-c-12.csv.gz")

        assert matched(tmp_path, "part-*{SPAN}*") == ["part-b-12.csv", "part-c-12.csv.gz"]

    def test_folder_with_wildcards_in_its_name_is_taken_as_written(self, tmp_path: Path) -> None:
        write(tmp_path, "shop [2024]/1/a.csv", "shop 2/2/a.csv")

        assert matched(tmp_path, "shop [2024]//{SPAN}/a.csv") == ["shop [2024]/1/a.csv"]

    def test_hidden_name_is_no_span(self, tmp_path: Path) -> None:
        write(tmp_path, "1.csv", ".x.csv")

        assert matched(tmp_path, "{SPAN}.csv") == ["1.csv"]


class TestRefused:
    @pytest.mark.parametrize(
        ("pattern", "names", "wrong", "expected"),
        [
            ("{SPAN}/*.csv", ["1/a.csv", "new/a.csv"], "new/a.csv", "a number in place of {SPAN}"),
            ("{SPAN:3}.csv", ["001.csv", "0002.csv"], "0002.csv", "a number of 3 digits in place of {SPAN:3}"),
            ("{SPAN}.csv", ["-1.csv"], "-1.csv", "a number in place of {SPAN}"),
            ("{YYYY}-{MM}-{DD}.csv", ["2026-02-30.csv"], "2026-02-30.csv", "a date that exists"),
            ("{YYYY}-{MM}-{DD}.csv", ["2026-2-3.csv"], "2026-2-3.csv", "a date that exists"),
        ],
    )
    def test_file_without_the_span_is_named(
        self, tmp_path: Path, pattern: str, names: list[str], wrong: str, expected: str
    ) -> None:
        write(tmp_path, *names)

        with pytest.raises(InputError) as error:
            matched(tmp_path, pattern)

        assert expected in error.value.expected
        assert error.value.received == f"{tmp_path}/{wrong}"

    @pytest.mark.parametrize("names", [(), ("2026-11-01.json",), ("2026-11-01/a.csv",)])
    def test_log_without_any_span_names_its_path_and_what_is_there(
        self, tmp_path: Path, names: tuple[str, ...]
    ) -> None:
        write(tmp_path, *names)

        with pytest.raises(InputError) as error:
            matched(tmp_path, "{YYYY}-{MM}-{DD}.csv")

        assert "{YYYY}-{MM}-{DD}.csv (data.path)" in error.value.expected
        assert error.value.received == "no such file"
        assert (f"has {names[0].split('/')[0]}" if names else "is empty") in error.value.remedy

    def test_double_star_asks_for_each_level(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"write one \* a level"):
            matched(tmp_path, "{SPAN}/**/a.csv")


def test_glob_has_one_wildcard_for_neighbours() -> None:
    assert span_glob("log/{YYYY}{MM}{DD}*/*.csv") == "log/*/*.csv"
    assert span_glob("gs://bucket/{SPAN:4}/") == "gs://bucket/*"


def test_start_of_a_date_is_its_midnight_in_utc() -> None:
    assert find_span("1970-01-03", "{YYYY}-{MM}-{DD}").start_s == 2 * DAY_S
    assert find_span("12", "{SPAN}").start_s is None


def test_settings_of_a_log_in_spans_survive_json() -> None:
    settings = data("log/{SPAN}", num_spans=3)
    assert DataConfig.model_validate_json(settings.model_dump_json()) == settings
