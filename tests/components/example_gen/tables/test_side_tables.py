from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.example_gen.counts.report import TableRows
from components.example_gen.sources.rejected_rows import RejectedRow
from components.example_gen.tables import side_tables
from components.example_gen.tables.lookup_table import build_table, rows_schema
from components.example_gen.tables.side_tables import count_table_rows, read_table
from schemas.config.tables import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import data

TABLE = 'id,title,kind,price\na,"A, the first",book, 1.5 \nb,B,,\nc,C,film,NULL\n'
COLUMNS = {"kind": {"column": "kind"}, "cost": {"column": "price", "kind": "number"}}
NULLS = ("", "NULL")


def table(path: Path, text: str = TABLE) -> UsersTableConfig:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return UsersTableConfig.model_validate({"path": str(path), "id": "id", "columns": COLUMNS})


def known(users: UsersTableConfig, *ids: str) -> list[dict[str, Any]]:
    """Return what a table has for some ids; an id that it lacks has the key `missing`."""
    columns, missing = build_table(read_table(users, NULLS), rows_schema(users)).look_up(pa.array(ids))
    rows = [
        dict(zip(columns, row, strict=True)) for row in zip(*(c.to_pylist() for c in columns.values()), strict=True)
    ]
    return [{**row, "missing": True} if lacking else row for row, lacking in zip(rows, missing.tolist(), strict=True)]


@pytest.mark.parametrize("name", ["users.csv", "users.csv.gz"])
def test_read_table_returns_values_and_missing_values(tmp_path: Path, name: str) -> None:
    np.testing.assert_equal(
        known(table(tmp_path / name), "a", "b", "c", "x"),
        [
            {"user_kind": "book", "user_cost": 1.5},
            {"user_kind": "", "user_cost": math.nan},
            {"user_kind": "film", "user_cost": math.nan},
            {"user_kind": "", "user_cost": math.nan, "missing": True},
        ],
    )


def test_read_table_with_a_repeated_id_keeps_the_last_row_of_the_last_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_tables, "TABLE_ROWS", 2)
    for name, rows in {"1.csv": "a,,old,1\nb,,only,2\n", "2.csv": "a,,older,3\nz,,z,4\na,,last,5\n"}.items():
        (tmp_path / name).write_text("id,title,kind,price\n" + rows)
    users = UsersTableConfig.model_validate({"path": f"{tmp_path}/*.csv", "id": "id", "columns": COLUMNS})

    assert known(users, "a", "b") == [{"user_kind": "last", "user_cost": 5.0}, {"user_kind": "only", "user_cost": 2.0}]


def test_read_table_with_text_for_a_number_names_its_line(tmp_path: Path) -> None:
    users = table(tmp_path / "users.csv", TABLE + "d,D,book,cheap\n")

    with pytest.raises(InputError, match=r"column 'price' \(data\.users\.columns\.cost\)(.|\n)*'cheap' at .*csv:5"):
        list(read_table(users, NULLS))


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
    (tmp_path / "users.csv").write_text('id;title;kind\n1;"a;5"\n')
    settings = {"path": f"{tmp_path}/users.csv", "id": "id", "columns": {"kind": {"column": "kind"}}}
    users = UsersTableConfig.model_validate({**settings, "delimiter": ";", "quote": None})

    assert known(users, "1") == [{"user_kind": '5"'}]
