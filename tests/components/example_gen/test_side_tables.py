import gzip
import math
from collections import Counter
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen.report import RejectedRow, TableRows
from components.example_gen.side_tables import (
    EMPTY,
    DescribeItems,
    DescribeUsers,
    count_table_rows,
    read_items,
    read_table,
    read_table_rows,
    read_user_rows,
)
from components.example_gen.timelines import Timeline
from schemas.config.log import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import data, local_pipeline

TABLE = 'id,title,kind,price\na,"A, the first",book, 1.5 \nb,B,,\nc,C,film,NULL\n'
COLUMNS = {"kind": {"column": "kind"}, "cost": {"column": "price", "kind": "number"}}
NULLS = ("", "NULL")


def table(path: Path, text: str = TABLE) -> UsersTableConfig:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return UsersTableConfig.model_validate({"path": str(path), "id": "id", "columns": COLUMNS})


@pytest.mark.parametrize("name", ["users.csv", "users.csv.gz"])
def test_read_table_returns_values_and_missing_values(tmp_path: Path, name: str) -> None:
    known = read_table(table(tmp_path / name), NULLS)

    np.testing.assert_equal(known.get("a"), {"kind": "book", "cost": 1.5})
    np.testing.assert_equal(known.get("b"), {"kind": "", "cost": math.nan})
    np.testing.assert_equal(known.get("c"), {"kind": "film", "cost": math.nan})
    np.testing.assert_equal(known.get("x"), {"kind": "", "cost": math.nan})
    assert [key for key in "abcx" if known.is_missing(key)] == ["x"]


def test_empty_table_has_no_missing_ids() -> None:
    assert (EMPTY.get("a"), EMPTY.is_missing("a")) == ({}, False)


def test_read_table_with_a_repeated_id_keeps_its_last_row(tmp_path: Path) -> None:
    known = read_table(table(tmp_path / "users.csv", TABLE + "a,Again,toy,2\n"), NULLS)

    assert known.get("a") == {"kind": "toy", "cost": 2.0}


def test_read_table_with_text_for_a_number_names_its_line(tmp_path: Path) -> None:
    users = table(tmp_path / "users.csv", TABLE + "d,D,book,cheap\n")

    with pytest.raises(InputError, match=r"column 'price' \(data\.users\.columns\.cost\)(.|\n)*'cheap' at .*csv:5"):
        read_table(users, NULLS)


def test_read_table_rows_reads_columns_of_every_file_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,title\na,A\n")
    (tmp_path / "2.csv").write_text("title,id\nB,b\n")

    found = read_table_rows(ItemsTableConfig(path=f"{tmp_path}/*.csv", id="id", title="title"), ["id", "title"])

    assert [columns for *_, columns in found] == [["a", "A"], ["b", "B"]]


def test_count_table_rows_counts_the_rows_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_bytes("id,title\n1,Caf\xe9\n2,a,b\n3,c\n".encode("latin-1"))
    (tmp_path / "1.csv").write_text('id,price,kind\nu1,1,a\n"u2,1,a\n')
    (tmp_path / "2.csv").write_text("id,price,kind\nu3\nu4,2,b\n")
    items = ItemsTableConfig(path=f"{tmp_path}/items.csv", id="id", title="title")
    users = UsersTableConfig.model_validate({"path": f"{tmp_path}/[12].csv", "id": "id", "columns": COLUMNS})

    assert count_table_rows(data(items=items, users=users)) == {
        "items": TableRows(
            rows_read=3,
            rows_rejected={"bad_encoding": 1, "wrong_field_count": 1},
            rejected_samples={
                "bad_encoding": [RejectedRow(f"{tmp_path}/items.csv", 2, r"1,Caf\xe9")],
                "wrong_field_count": [RejectedRow(f"{tmp_path}/items.csv", 3, "2,a,b")],
            },
        ),
        "users": TableRows(
            rows_read=4,
            rows_rejected={"malformed": 1, "wrong_field_count": 1},
            rejected_samples={
                "malformed": [RejectedRow(f"{tmp_path}/1.csv", 3, '"u2,1,a')],
                "wrong_field_count": [RejectedRow(f"{tmp_path}/2.csv", 2, "u3")],
            },
        ),
    }


def test_count_table_rows_without_tables_counts_nothing() -> None:
    assert count_table_rows(data()) == {}


def test_read_table_without_quoting_keeps_quotes(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('id;title;kind\n1;"a;5"\n')
    columns = {"kind": {"column": "kind"}}
    settings = {"path": f"{tmp_path}/items.csv", "id": "id", "title": "title", "columns": columns}
    items = ItemsTableConfig.model_validate({**settings, "delimiter": ";", "quote": None})

    assert read_items(data(items=items)).get("1") == {"kind": '5"'}


def test_read_user_rows_names_its_columns_as_features(tmp_path: Path) -> None:
    rows = dict(read_user_rows(table(tmp_path / "users.csv"), NULLS))

    np.testing.assert_equal(rows["a"][1], {"user_kind": "book", "user_cost": 1.5})


def test_describe_users_takes_the_last_row_of_a_user_and_only_users_of_the_log(tmp_path: Path) -> None:
    for name, rows in {"1.csv": "a,old\nb,only\n", "2.csv": "a,older\nz,nobody\na,last\n"}.items():
        (tmp_path / name).write_text("id,kind\n" + rows)
    users = UsersTableConfig.model_validate(
        {"path": f"{tmp_path}/*.csv", "id": "id", "columns": {"kind": {"column": "kind"}}}
    )
    lines = [Timeline(user, ["i"], [1.0], {}) for user in ("a", "b", "c")]

    with local_pipeline() as pipeline:
        described = pipeline | beam.Create(lines) | DescribeUsers(data(users=users))
        found = described | beam.Map(lambda each: (each[0].user_id, each[1]["user_kind"], each[2]))
        assert_that(found, equal_to([("a", "last", False), ("b", "only", False), ("c", "", True)]))


def test_describe_items_adds_columns_and_counts_missing_items(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("id,title,kind,price\na,A,book,1.5\nb,B,,\nc,C,film,NULL\n")
    columns = {"kind": {"column": "kind"}, "price": {"column": "price", "kind": "number"}}
    items = ItemsTableConfig.model_validate(
        {"path": f"{tmp_path}/items.csv", "id": "id", "title": "title", "columns": columns}
    )
    line = Timeline("u", ["a", "x", "a", "c"], [1.0, 2.0, 3.0, 4.0], {"event": ["buy", "", "buy", ""]})

    with local_pipeline() as pipeline:
        described = pipeline | beam.Create([line]) | DescribeItems(data(items=items, null_values=("", "NULL")))
        known = described.timelines | beam.Map(
            lambda line: {name: list(map(str, x)) for name, x in line.further.items()}
        )
        assert_that(
            known,
            equal_to(
                [
                    {
                        "event": ["buy", "", "buy", ""],
                        "kind": ["book", "", "book", "film"],
                        "price": ["1.5", "nan", "1.5", "nan"],
                    }
                ]
            ),
        )
        assert_that(described.counts, equal_to([Counter(not_in_table=1)]), label="counts")
