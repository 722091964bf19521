from pathlib import Path
from typing import Any

import fastavro
import pytest

from components.example_gen.sources.avro_source import avro_columns, read_avro
from components.example_gen.sources.files import open_file
from components.example_gen.sources.parts import whole_file
from schemas.errors import InputError
from tests.components.logs import data

VISITOR = {"type": "record", "name": "visitor", "fields": [{"name": "id", "type": "long"}]}


def write(path: Path, kind: Any, values: list[Any], **options: Any) -> str:
    schema = {"type": "record", "name": "row", "fields": [{"name": "a", "type": kind}]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [{"a": value} for value in values], **options)
    return str(path)


def read(path: str, column: str = "a") -> list[Any]:
    found: list[tuple[int, Any]] = []
    with open_file(path) as file:
        batches = list(read_avro(file, whole_file(path), data(format="avro"), [column]))
    for rows in batches:
        texts = [
            error or text for error, text in zip(rows.errors.to_pylist(), rows.columns[0].to_pylist(), strict=True)
        ]
        found += zip(rows.lines.to_pylist(), texts, strict=True)
    assert [line for line, _ in found] == list(range(1, len(found) + 1))
    return [text for _, text in found]


def logical(kind: str, name: str, **settings: int) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **settings}


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        ("string", ["é", ""], ["é", ""]),
        (["null", "string"], [None, "a"], ["", "a"]),
        (["long", "null"], [2**63 - 1, None], ["9223372036854775807", ""]),
        ("null", [None], [""]),
        ("boolean", [True, False], ["true", "false"]),
        ("float", [0.1, 7.0], ["0.1", "7.0"]),
        ("double", [0.1, 1e22, float("nan")], ["0.1", "1e+22", ""]),
        ("bytes", [b"\xc3\xa9", b"\xff", b"\0"], ["é", "bad_encoding", "malformed"]),
        ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, ["B", "A"], ["B", "A"]),
        ({"type": "fixed", "name": "f", "size": 2}, [b"ab"], ["ab"]),
        (["null", logical("long", "timestamp-millis")], [1_600_000_000_500, None], ["1600000000.5", ""]),
        (logical("long", "timestamp-micros"), [-1, 10**18], ["-0.000001", "1000000000000"]),
        (logical("long", "timestamp-nanos"), [1_600_000_000_000_000_001], ["1600000000.000000001"]),
        (logical("long", "local-timestamp-micros"), [1_600_000_000_000_000], ["1600000000"]),
        (logical("int", "date"), [2], ["172800"]),
        (logical("bytes", "decimal", precision=40, scale=2), [b"\x02\xbc", b"\xff"], ["7.00", "-0.01"]),
        (logical("string", "uuid"), ["not checked"], ["not checked"]),
    ],
)
def test_text_of_a_type(tmp_path: Path, kind: Any, values: list[Any], texts: list[str]) -> None:
    # The plain type writes what a logical type would refuse or convert.
    plain = [_plain(part) for part in kind] if isinstance(kind, list) else _plain(kind)
    path = Path(write(tmp_path / "log", plain, values))
    if plain != kind:
        path = _with_schema(tmp_path, plain, values, kind)

    assert read(str(path)) == texts


def _plain(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, dict) and "logicalType" in kind else kind


def _with_schema(folder: Path, plain: Any, values: list[Any], kind: Any) -> Path:
    """Write values of a plain type in a file whose header has the logical type."""
    written = folder / "plain"
    write(written, plain, values)
    with written.open("rb") as file:
        blocks: Any = fastavro.block_reader(file)
        (block,) = list(blocks)
    content = block.bytes_.getvalue()
    with (folder / "empty").open("wb") as file:
        schema = {"type": "record", "name": "row", "fields": [{"name": "a", "type": kind}]}
        fastavro.writer(file, schema, [])
    header = (folder / "empty").read_bytes()
    path = folder / "logical"
    path.write_bytes(header + _varint(len(values)) + _varint(len(content)) + content + header[-16:])
    return path


def _varint(value: int) -> bytes:
    value, parts = value * 2, b""
    while value > 127:
        parts, value = parts + bytes([value & 127 | 128]), value >> 7
    return parts + bytes([value])


def test_string_that_is_not_utf_8_is_rejected(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "log", "string", ["good", "caf\xe9", "good"]))
    path.write_bytes(path.read_bytes().replace("\xe9".encode(), b"\xff\xff"))

    assert read(str(path)) == ["good", "bad_encoding", "good"]


def test_rows_of_all_blocks_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "long", list(range(50_000)), sync_interval=1_000, codec="deflate")

    assert read(path) == [str(number) for number in range(50_000)]


def test_codec_without_its_package_names_the_package(tmp_path: Path) -> None:
    """The metadata of the file names a codec for which no package is installed. A length is twice the number."""
    path = Path(write(tmp_path / "log", "long", [1], codec="null"))
    path.write_bytes(path.read_bytes().replace(b"\x08null", b"\x12zstandard"))

    with pytest.raises(InputError, match=r"you need to install one of the following libraries: .*zstd") as raised:
        read(str(path))
    assert "install the named package" in raised.value.remedy


def test_field_of_a_record_is_found_by_its_path(tmp_path: Path) -> None:
    path = write(tmp_path / "log", ["null", VISITOR], [{"id": 7}, None])

    assert read(path, "a.id") == ["7", ""]
    assert avro_columns(path, data()) == ("a", "a.id")
    with pytest.raises(InputError, match=r"did you mean 'a\.id'"):
        read(path, "a.idd")


@pytest.mark.parametrize("kind", [VISITOR, ["string", "long"], {"type": "array", "items": "string"}])
def test_type_without_a_text_is_refused(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(InputError, match="a column 'a' of text, numbers or times"):
        read(write(tmp_path / "log", kind, []))


@pytest.mark.parametrize("size", [0, 3, 50, -1])
def test_cut_file_is_refused_with_its_name(tmp_path: Path, size: int) -> None:
    path = Path(write(tmp_path / "log", "long", list(range(1_000))))
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(InputError, match=f"a whole Avro file at {path}"):
        read(str(path))
