import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.preflight import SAMPLE_ROWS, Sample, check_log
from components.example_gen.source import READ_BYTES
from schemas.config.log import FilterConfig, ItemsTableConfig, TimestampConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import START_S, data

ROWS = "".join(f"u{i},i{i},{START_S + i}\n" for i in range(20))
LOG = f"user,item,time\n{ROWS}"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path: str | Path, **settings: Any) -> str:
    with pytest.raises(InputError) as error:
        check_log(data(path, **settings))
    return str(error.value)


def test_a_sound_log_is_sampled(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", f"{LOG},i,1\nbad\nu,bot,{START_S}\n")

    sample = check_log(data(path, filters=(FilterConfig(column="item", matches="i.*"),)))

    assert sample == Sample(
        files=(str(path),),
        rows=23,
        accepted=20,
        rejected={"no_user": 1, "wrong_field_count": 1, "filtered": 1},
        whole=True,
    )


def test_only_the_first_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(LOG.encode() + ROWS.encode() * 50_000, compresslevel=1))

    sample = check_log(data(path))

    assert SAMPLE_ROWS <= sample.rows < 2 * SAMPLE_ROWS
    assert not sample.whole
    assert sample.rejected == {}


def test_a_row_that_the_first_block_cuts_is_not_judged(tmp_path: Path) -> None:
    wide = f"u,i,{START_S},{'x' * (READ_BYTES // 10)}\n"

    sample = check_log(data(write(tmp_path / "log.csv", "user,item,time,note\n" + wide * 20)))

    assert (sample.rows, sample.accepted) == (9, 9)  # ten tenths of a block, but for the header
    assert not sample.whole


def test_every_file_of_a_glob_is_looked_at_and_empty_ones_pass(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "")
    write(tmp_path / "2.csv", "user,item,time\n")
    write(tmp_path / "3.csv", LOG)
    assert check_log(data(tmp_path / "*.csv")).accepted == 20

    write(tmp_path / "4.csv", "user,things,time\n")
    message = problem(tmp_path / "*.csv")

    assert "4.csv" in message
    assert "did you mean 'time'" in message or "did you mean 'things'" in message


def test_a_path_in_the_working_directory_may_be_a_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "log-1.csv", LOG)
    monkeypatch.chdir(tmp_path)

    assert check_log(data("log-*.csv")).accepted == 20


@pytest.mark.parametrize("name", ["logg.csv", "log*.tsv"])
def test_no_such_file_names_the_nearest(tmp_path: Path, name: str) -> None:
    write(tmp_path / "log.csv", LOG)
    write(tmp_path / "zzz", "")

    message = problem(tmp_path / name)

    assert f"expected: a file at {tmp_path}/{name}" in message
    assert f"did you mean {tmp_path}/log.csv?" in message


def test_no_such_folder(tmp_path: Path) -> None:
    assert "its folder is not there" in problem(tmp_path / "nowhere" / "log.csv")


def test_an_unknown_file_system() -> None:
    assert "expected: a path that can be read in data.path" in problem("nowhere://bucket/log.csv")


def test_a_directory(tmp_path: Path) -> None:
    message = problem(tmp_path)

    assert f"received: the directory {tmp_path}" in message
    assert f"like {tmp_path}/*.csv" in message


@pytest.mark.parametrize("content", ["", "user,item,time\n", "\ufeffuser,item,time", "\n\n"])
def test_no_rows(tmp_path: Path, content: str) -> None:
    assert "received: no rows" in problem(write(tmp_path / "log.csv", content))


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", LOG.replace("user", "user_id")))

    assert "one column 'user'" in message
    assert "none among 'user_id', 'item', 'time'" in message
    assert "did you mean 'user_id'?" in message


def test_a_missing_column_of_a_filter(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", LOG), filters=(FilterConfig(column="items", above=1),))

    assert "did you mean 'item'?" in message


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0",
        b"PAR1\x15\x04\x15\0\n" * 100,
        gzip.compress(LOG.encode()),
        random.Random(0).randbytes(4096),
        b"x" * (READ_BYTES + 1),
    ],
    ids=["png", "parquet", "gzip", "random", "one line"],
)
@pytest.mark.parametrize("settings", [{}, {"column_names": ("user", "item", "time")}], ids=["header", "no header"])
def test_binary_files(tmp_path: Path, content: bytes, settings: dict[str, Any]) -> None:
    message = problem(write(tmp_path / "log.csv", content), **settings)

    assert any(word in message for word in ("binary data", "as text in UTF-8", "rows of the first"))


def test_text_in_another_encoding_is_told_what_to_do(tmp_path: Path) -> None:
    assert "iconv -f UTF-16" in problem(write(tmp_path / "log.csv", LOG.encode("utf-16")))


def test_lines_that_end_in_carriage_returns_alone(tmp_path: Path) -> None:
    assert r"tr '\r' '\n'" in problem(write(tmp_path / "log.csv", LOG.replace("\n", "\r")))


def test_a_file_that_only_claims_to_be_compressed(tmp_path: Path) -> None:
    assert "whole gzip file" in problem(write(tmp_path / "log.csv.gz", LOG))


@pytest.mark.parametrize(("delimiter", "shown"), [(";", '";"'), ("\t", r'"\t"'), ("|", '"|"')])
@pytest.mark.parametrize("settings", [{}, {"column_names": ("user", "item", "time")}], ids=["header", "no header"])
def test_a_wrong_delimiter_is_named(tmp_path: Path, delimiter: str, shown: str, settings: dict[str, Any]) -> None:
    text = (ROWS if settings else LOG).replace(",", delimiter)

    assert f"set data.delimiter: {shown}" in problem(write(tmp_path / "log.csv", text), **settings)


def test_a_wrong_delimiter_is_named_though_it_splits_the_header(tmp_path: Path) -> None:
    text = "user;item;time;price, gross\nu;i;1600000000;1\n"

    assert 'set data.delimiter: ";"' in problem(write(tmp_path / "log.csv", text))


def test_the_delimiter_that_splits_best_is_named(tmp_path: Path) -> None:
    assert 'set data.delimiter: ";"' in problem(write(tmp_path / "log.csv", "user;item;time|utc\nu;i;1|2\n"))


def test_every_row_bad(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", f"user,item,time\n,i,{START_S}\nu,,{START_S}\n ,,{START_S}\n"))

    assert "3 rows of the first 3 rejected" in message
    assert f"no_user: 2, like {tmp_path}/log.csv:2: ',i,{START_S}'" in message
    assert "check data.columns.user" in message


def test_filtered_rows_are_not_bad(tmp_path: Path) -> None:
    sample = check_log(data(write(tmp_path / "log.csv", LOG), filters=(FilterConfig(column="item", matches="x"),)))

    assert (sample.accepted, sample.rejected) == (0, {"filtered": 20})


@pytest.mark.parametrize(
    ("configured", "power", "unit"), [("s", 3, "ms"), ("ms", 0, "s"), ("s", 6, "us"), ("us", 9, "ns"), ("ns", 3, "ms")]
)
def test_times_of_another_unit_name_it(tmp_path: Path, configured: str, power: int, unit: str) -> None:
    rows = "".join(f"u,i,{(START_S + i) * 10**power}\n" for i in range(20))
    timestamp = TimestampConfig.model_validate({"unit": configured})

    message = problem(write(tmp_path / "log.csv", f"user,item,time\n{rows}"), timestamp=timestamp)

    assert f"set data.timestamp.unit: {unit}" in message
    assert f"'{START_S * 10**power}'" in message


def test_numbers_that_are_no_times_may_be_an_order(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", "user,item,time\nu,i,1\nu,i,2\n"))

    assert "data.timestamp.unit: order" in message


@pytest.mark.parametrize(
    ("timestamp", "value", "messages"),
    [
        ({"unit": "s"}, "2020-09-13", ["in s", "'2020-09-13'", "set data.timestamp.format"]),
        ({"format": "%d.%m.%Y"}, "2020-09-13", ["like %d.%m.%Y", "correct data.timestamp.format"]),
        ({"format": "%d.%m.%Y"}, "1600000000000", ["unit: ms, and no data.timestamp.format"]),
    ],
)
def test_times_of_another_kind(tmp_path: Path, timestamp: dict[str, str], value: str, messages: list[str]) -> None:
    path = write(tmp_path / "log.csv", f"user,item,time\nu,i,{value}\n")

    message = problem(path, timestamp=TimestampConfig.model_validate(timestamp))

    assert [text for text in messages if text not in message] == []


ITEMS: dict[str, Any] = {"id": "id", "title": "title", "delimiter": "|"}


def test_items_are_looked_at(tmp_path: Path) -> None:
    log, items = write(tmp_path / "log.csv", LOG), write(tmp_path / "items.txt", '"id"|"title"\n')

    assert check_log(data(log, items=ItemsTableConfig(path=str(items), **ITEMS))).accepted == 20


@pytest.mark.parametrize(
    ("content", "message"),
    [("id|titel\n", "did you mean 'titel'?"), ("id,title\n", "one column 'id'"), ("", "one column 'id'")],
)
def test_items_without_their_columns(tmp_path: Path, content: str, message: str) -> None:
    items = write(tmp_path / "items.txt", content)

    assert message in problem(write(tmp_path / "log.csv", LOG), items=ItemsTableConfig(path=str(items), **ITEMS))


def test_no_such_items(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)

    assert "(data.items.path)" in problem(log, items=ItemsTableConfig(path=str(tmp_path / "items.txt"), **ITEMS))


USERS: dict[str, Any] = {"id": "id", "columns": {"years": {"column": "age", "kind": "number"}}}


def test_users_are_looked_at(tmp_path: Path) -> None:
    log, users = write(tmp_path / "log.csv", LOG), write(tmp_path / "users.csv", "id,age\nu1,30\nu2,\n")

    assert check_log(data(log, users=UsersTableConfig(path=str(users), **USERS))).accepted == 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,ages\n", "did you mean 'ages'?"),
        ("user,age\n", "one column 'id'"),
        (gzip.compress(b"id,age\n"), "binary data"),
        ("id,age\nu1,30\nu2,old\n", "numbers in column 'age' (data.users.columns.years)"),
    ],
    ids=["misnamed attribute", "misnamed id", "gzip", "a word for a number"],  # gzip's bytes hold the time
)
def test_users_that_are_not_as_configured(tmp_path: Path, content: str | bytes, message: str) -> None:
    users = write(tmp_path / "users.csv", content)

    assert message in problem(write(tmp_path / "log.csv", LOG), users=UsersTableConfig(path=str(users), **USERS))


def test_no_such_users(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)

    assert "(data.users.path)" in problem(log, users=UsersTableConfig(path=str(tmp_path / "users.csv"), **USERS))
