import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from components.example_gen.side_tables import EMPTY, read_table, read_table_rows
from schemas.config.log import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError

TABLE = 'id,title,kind,price\na,"A, the first",book, 1.5 \nb,B,,\nc,C,film,NULL\n'
COLUMNS = {"kind": {"column": "kind"}, "cost": {"column": "price", "kind": "number"}}
NULLS = ("", "NULL")


def table(path: Path, text: str = TABLE) -> UsersTableConfig:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return UsersTableConfig.model_validate({"path": str(path), "id": "id", "columns": COLUMNS})


@pytest.mark.parametrize("name", ["users.csv", "users.csv.gz"])
def test_the_table_says_what_it_knows_and_what_it_does_not(tmp_path: Path, name: str) -> None:
    known = read_table(table(tmp_path / name), NULLS)

    np.testing.assert_equal(known.get("a"), {"kind": "book", "cost": 1.5})
    np.testing.assert_equal(known.get("b"), {"kind": "", "cost": math.nan})
    np.testing.assert_equal(known.get("c"), {"kind": "film", "cost": math.nan})
    np.testing.assert_equal(known.get("x"), {"kind": "", "cost": math.nan})
    assert [key for key in "abcx" if known.is_missing(key)] == ["x"]


def test_where_there_is_no_table_nothing_is_lacking() -> None:
    assert (EMPTY.get("a"), EMPTY.is_missing("a")) == ({}, False)


def test_of_an_id_that_comes_twice_the_last_row_counts(tmp_path: Path) -> None:
    known = read_table(table(tmp_path / "users.csv", TABLE + "a,Again,toy,2\n"), NULLS)

    assert known.get("a") == {"kind": "toy", "cost": 2.0}


def test_what_is_to_be_a_number_and_is_none_is_named_with_its_place(tmp_path: Path) -> None:
    users = table(tmp_path / "users.csv", TABLE + "d,D,book,cheap\n")

    with pytest.raises(InputError, match=r"column 'price' \(data\.users\.columns\.cost\)(.|\n)*'cheap' at .*csv:5"):
        read_table(users, NULLS)


def test_columns_are_read_from_every_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,title\na,A\n")
    (tmp_path / "2.csv").write_text("title,id\nB,b\n")

    found = read_table_rows(ItemsTableConfig(path=f"{tmp_path}/*.csv", id="id", title="title"), ["id", "title"])

    assert [columns for *_, columns in found] == [["a", "A"], ["b", "B"]]
