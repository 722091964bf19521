import gzip
import math
from collections import Counter
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.items import DescribeItems, read_columns, read_table
from components.timelines import Timeline
from schemas.errors import InputError
from schemas.log import Data, Items
from tests.components.logs import data, local_pipeline

TABLE = 'id,title,kind,price\na,"A, the first",book, 1.5 \nb,B,,\nc,C,film,NULL\n'
COLUMNS = {"kind": {"column": "kind"}, "price": {"column": "price", "kind": "number"}}


def with_table(path: Path, text: str = TABLE, **settings: Any) -> Data:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    items = Items.model_validate({"path": str(path), "id": "id", "title": "title", "columns": COLUMNS})
    return data(items=items, null_values=("", "NULL"), **settings)


@pytest.mark.parametrize("name", ["items.csv", "items.csv.gz"])
def test_the_table_says_what_it_knows_and_what_it_does_not(tmp_path: Path, name: str) -> None:
    settings = with_table(tmp_path / name)

    np.testing.assert_equal(
        read_table(settings, settings.features), {"a": ["book", 1.5], "b": ["", math.nan], "c": ["film", math.nan]}
    )


def test_of_an_item_that_comes_twice_the_last_row_counts(tmp_path: Path) -> None:
    settings = with_table(tmp_path / "items.csv", TABLE + "a,Again,toy,2\n")

    assert read_table(settings, settings.features)["a"] == ["toy", 2.0]


def test_what_is_to_be_a_number_and_is_none_is_named_with_its_place(tmp_path: Path) -> None:
    settings = with_table(tmp_path / "items.csv", TABLE + "d,D,book,cheap\n")

    with pytest.raises(InputError, match=r"column 'price' (.|\n)*'cheap' at .*items.csv:5"):
        read_table(settings, settings.features)


def test_columns_are_read_from_every_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,title\na,A\n")
    (tmp_path / "2.csv").write_text("title,id\nB,b\n")

    found = read_columns(Items(path=f"{tmp_path}/*.csv", id="id", title="title"), ["id", "title"])

    assert [columns for *_, columns in found] == [["a", "A"], ["b", "B"]]


def test_timelines_gain_what_the_table_knows_and_what_it_lacks_is_counted(tmp_path: Path) -> None:
    settings = with_table(tmp_path / "items.csv")
    line = Timeline("u", ["a", "x", "a", "c"], [1.0, 2.0, 3.0, 4.0], {"event": ["buy", "", "buy", ""]})

    with local_pipeline() as pipeline:
        described = pipeline | beam.Create([line]) | DescribeItems(settings)
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
