from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from components.example_gen.sources.files import open_file
from components.example_gen.sources.parquet_source import parquet_columns, read_parquet
from components.example_gen.sources.parts import whole_file
from schemas.errors import InputError
from tests.components.logs import data


def write(path: Path, columns: dict[str, Any], **options: Any) -> str:
    parquet.write_table(pa.table(columns), path, **options)
    return str(path)


def read(path: str, columns: list[str]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    with open_file(path) as file:
        batches = list(read_parquet(file, whole_file(path), data(format="parquet"), columns))
    for rows in batches:
        found += zip(rows.lines.to_pylist(), *(column.to_pylist() for column in rows.columns), strict=True)
    return found


def test_rows_of_all_row_groups_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "log", {"a": range(100_000), "b": ["x"] * 100_000}, row_group_size=40_000)

    found = read(path, ["b", "a"])

    assert found == [(number + 1, "x", str(number)) for number in range(100_000)]


def test_field_of_a_struct_is_found_by_its_path(tmp_path: Path) -> None:
    visitor = pa.array([{"id": 1, "geo": {"city": "é"}}, None, {"id": 2, "geo": None}])
    path = write(tmp_path / "log", {"visitor": visitor, "a.b": ["x", "y", None], "a": [{"b": 1}] * 3})

    assert read(path, ["visitor.geo.city", "visitor.id", "a.b"]) == [
        (1, "é", "1", "x"),
        (2, "", "", "y"),
        (3, "", "2", ""),
    ]
    names = ["a", "a.b", "visitor", "visitor.geo", "visitor.geo.city", "visitor.id"]
    assert sorted(parquet_columns(path, data())) == names


def test_struct_and_unknown_field_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "log", {"visitor": [{"id": 1}], "tags": [["a"]]})

    with pytest.raises(InputError, match=r"did you mean 'visitor\.id'"):
        read(path, ["visitor.idd"])
    for column in ("visitor", "tags"):
        with pytest.raises(InputError, match=f"a column '{column}' of text, numbers or times"):
            read(path, [column])


@pytest.mark.parametrize("size", [0, 3, 8, 500, -1])
def test_cut_file_is_refused_with_its_name(tmp_path: Path, size: int) -> None:
    path = Path(write(tmp_path / "log", {"a": range(1_000)}))
    path.write_bytes(path.read_bytes()[:size])

    for function in (lambda: parquet_columns(str(path), data()), lambda: read(str(path), ["a"])):
        with pytest.raises(InputError, match=f"a whole Parquet file at {path}"):
            function()


def test_column_that_is_shorter_than_the_others_is_refused(tmp_path: Path) -> None:
    # The data page of `b` claims fewer values than the file has rows. Arrow returns 46 values of it, or crashes.
    path = Path(write(tmp_path / "log", {"a": range(60), "b": [i % 5 for i in range(60)]}, compression="NONE"))
    content = path.read_bytes()
    start = parquet.read_metadata(path).row_group(0).column(1).data_page_offset
    header = content[start : start + 30]
    assert header.count(b"\x15\x78\x15") == 1  # 60 as a varint, after the type of the field
    path.write_bytes(content[:start] + content[start:].replace(b"\x15\x78\x15", b"\x15\x5c\x15", 1))

    for columns in (["b"], ["a", "b"]):
        with pytest.raises(InputError, match="a whole Parquet file"):
            read(str(path), columns)


def test_file_without_rows_has_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "log", {"a": pa.array([], pa.string())})

    assert read(path, ["a"]) == []
    assert parquet_columns(path, data()) == ("a",)
