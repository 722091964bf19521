from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

from components.baselines.tables import read_tables
from tests.components.baselines.whole_tables import write_tables
from tests.trainer.counting import ITEMS, tables, walks
from trainer.baselines.constants import ITEMS_FILE
from trainer.baselines.tables import Tables

TABLES = replace(
    tables(walks("abca", "ca", "bé"), "abcé"),
    features={
        "genre": np.array(["war", "", "a|b", "ö"], dtype=object),
        "users": np.array([1.5, np.nan, 0, 1], np.float32),  # a further column may have the name of another column
    },
)


def plain(tables: Tables) -> dict[str, object]:
    """Lists that can be compared."""
    values = {field.name: getattr(tables, field.name) for field in fields(tables)}
    values |= values.pop("features")
    values["transitions"] = [matrix.toarray().tolist() for matrix in tables.transitions]
    return {
        name: value.toarray().tolist() if sparse.issparse(value) else np.array(value).astype(str).tolist()
        for name, value in values.items()
    }


def test_tables_written_and_read_are_equal(tmp_path: Path) -> None:
    write_tables(TABLES, str(tmp_path / "tables"), str(tmp_path / "unfinished"))

    read = read_tables(str(tmp_path / "tables"))

    assert plain(read) == plain(TABLES)
    assert read.features["genre"].tolist() == ["war", "", "a|b", "ö"]
    np.testing.assert_array_equal(read.features["users"], TABLES.features["users"])


def test_items_file_has_the_documented_columns(tmp_path: Path) -> None:
    write_tables(TABLES, str(tmp_path / "tables"), str(tmp_path / "unfinished"))
    found = pq.read_table(tmp_path / "tables" / ITEMS_FILE).to_pydict()
    assert list(found) == ["item_id", "interactions", "users", "recent", "feature.genre", "feature.users"]
    assert found["item_id"] == ["a", "b", "c", "é"]
    assert found["interactions"] == [2, 1, 1, 1]
    assert found["users"] == [2, 2, 2, 1]


def test_files_of_equal_tables_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_tables(tables(walks("abcab", "cd"), ITEMS), str(tmp_path / name), str(tmp_path / "unfinished"))
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
