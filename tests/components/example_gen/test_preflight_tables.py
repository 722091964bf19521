import gzip
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.preflight import check_log
from schemas.config.impressions import ImpressionsConfig
from schemas.config.tables import ItemsTableConfig, UsersTableConfig
from tests.components.example_gen.test_preflight import LOG, problem, write
from tests.components.logs import data

LATIN_1 = "id,title\n1,Caf\xe9\n2,Na\xefve\n3,Plain\n".encode("latin-1")
ITEMS: dict[str, Any] = {"id": "id", "title": "title", "delimiter": "|"}


def test_check_log_with_a_table_of_items_accepts(tmp_path: Path) -> None:
    log, items = write(tmp_path / "log.csv", LOG), write(tmp_path / "items.txt", '"id"|"title"\n')

    assert check_log(data(log, items=ItemsTableConfig(path=str(items), **ITEMS))).accepted == 20


@pytest.mark.parametrize(
    ("content", "message"),
    [("id|titel\n", "did you mean 'titel'?"), ("id,title\n", "one column 'id'"), ("", "one column 'id'")],
)
def test_check_log_with_items_without_their_columns_raises(tmp_path: Path, content: str, message: str) -> None:
    items = write(tmp_path / "items.txt", content)

    assert message in problem(write(tmp_path / "log.csv", LOG), items=ItemsTableConfig(path=str(items), **ITEMS))


def test_check_log_without_the_file_of_items_names_its_setting(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)

    assert "(data.items.path)" in problem(log, items=ItemsTableConfig(path=str(tmp_path / "items.txt"), **ITEMS))


USERS: dict[str, Any] = {"id": "id", "columns": {"years": {"column": "age", "kind": "number"}}}


def test_check_log_with_a_table_of_users_accepts(tmp_path: Path) -> None:
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
    ids=[
        "misnamed attribute",
        "misnamed id",
        "gzip",
        "a word for a number",
    ],  # named, because gzip's bytes contain the current time
)
def test_check_log_with_users_that_are_not_as_configured_raises(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    users = write(tmp_path / "users.csv", content)

    assert message in problem(write(tmp_path / "log.csv", LOG), users=UsersTableConfig(path=str(users), **USERS))


def test_check_log_without_the_file_of_users_names_its_setting(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)

    assert "(data.users.path)" in problem(log, users=UsersTableConfig(path=str(tmp_path / "users.csv"), **USERS))


def test_check_log_with_a_table_in_another_encoding_asks_to_convert_it(tmp_path: Path) -> None:
    log, items = write(tmp_path / "log.csv", LOG), write(tmp_path / "items.csv", LATIN_1)
    table = ItemsTableConfig(path=str(items), id="id", title="title")

    message = problem(log, items=table)

    assert "rows of data.items rejected" in message
    assert "bad_encoding: 2 rows; convert" in message
    assert r"1,Caf\\xe9" in message
    assert "iconv -f latin1 -t utf-8" in message
    assert check_log(data(log, items=table, max_rejected_share=0.7)).accepted == 20


def test_check_log_with_a_table_of_stray_quotes_names_its_setting(tmp_path: Path) -> None:
    log, items = write(tmp_path / "log.csv", LOG), write(tmp_path / "items.csv", 'id,title\n1,"a\n2,b\n')

    assert "check data.items.quote" in problem(log, items=ItemsTableConfig(path=str(items), id="id", title="title"))
    table = ItemsTableConfig(path=str(items), id="id", title="title", quote=None)
    assert check_log(data(log, items=table)).accepted == 20


def test_check_log_with_a_table_header_in_another_encoding_says_so(tmp_path: Path) -> None:
    items = write(tmp_path / "items.csv", "id,title,a\xf1o\n".encode("latin-1"))
    table = ItemsTableConfig(path=str(items), id="id", title="title")

    assert "a header line in" in problem(write(tmp_path / "log.csv", LOG), items=table)


SHOWN = "id,user,time,shown,clicked\n"
COLUMNS = {"impression": "id", "user": "user", "timestamp": "time", "shown": "shown", "clicked": "clicked"}


def impressions(file: Path, **changed: Any) -> ImpressionsConfig:
    return ImpressionsConfig.model_validate(
        {"path": str(file), "columns": COLUMNS, "timestamp": {"unit": "s"}, **changed}
    )


def test_check_log_with_some_good_impressions_accepts(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)
    shown = write(tmp_path / "shown.csv", f"{SHOWN},u1,1600000000,a b,a\n1,u1,1600000000,a b,a\n")

    assert check_log(data(log, impressions=impressions(shown))).accepted == 20


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("id,user,time,show,clicked\n", {}, "did you mean 'show'?"),
        (f"{SHOWN}1,u1,yesterday,a b,a\n2,u1,,a,\n", {}, "2 rows of the first 2 rejected\n  bad_timestamp: 2 rows"),
        (f"{SHOWN}1,u1,1600000000,a|b,a\n", {}, "check columns.clicked and columns.shown of data.impressions"),
        (SHOWN, {"path": "missing.csv"}, "(data.impressions.path)"),
    ],
    ids=["misnamed column", "times", "separator", "no file"],
)
def test_check_log_with_impressions_that_cannot_be_read_raises(
    tmp_path: Path, content: str, changed: dict[str, Any], message: str
) -> None:
    shown = write(tmp_path / "shown.csv", content)

    assert message in problem(write(tmp_path / "log.csv", LOG), impressions=impressions(shown, **changed))
