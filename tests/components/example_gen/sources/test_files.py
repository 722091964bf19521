import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import zstandard

from components.example_gen.sources import files
from components.example_gen.sources.csv_rows import read_lines
from components.example_gen.sources.files import READ_BYTES, file_pattern, match_files, match_log, read_blocks
from schemas.errors import InputError
from tests.components.logs import data
from tests.object_store import BUCKET, object_store

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".deflate": zlib.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    ".zst": zstandard.ZstdCompressor(write_content_size=True).compress,
    ".zstd": zstandard.ZstdCompressor(write_content_size=True).compress,
}
CONTENT = b"".join(b"user,%d\n" % number for number in range(1000))


def write(path: Path, content: bytes = b"") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def names(path: Path | str, folder: Path) -> list[str]:
    """Return the files that match, relative to the folder."""
    return [os.path.relpath(name, folder) for name in match_files(str(path), "data.path")]


def test_read_lines_of_blocks_returns_a_line_longer_than_a_block_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", b"a" * (2 * READ_BYTES) + b"\nb\n")

    assert [len(line) for line in read_lines(read_blocks(path))] == [2 * READ_BYTES + 1, 2]


def test_match_files_with_a_double_star_asks_for_each_level_of_folders(tmp_path: Path) -> None:
    write(tmp_path / "a" / "log.csv")
    assert match_files(f"{tmp_path}/*/*.csv", "data.path") == (f"{tmp_path}/a/log.csv",)
    with pytest.raises(InputError, match=r"write one \* a level"):
        match_files(f"{tmp_path}/**.csv", "data.path")


@pytest.mark.parametrize("folder", ["[2024]", "a*b", "what?", "[!x]"])
@pytest.mark.parametrize("name", ["log.csv", "log[1].csv", "*.csv", "log*", "l[a-z]g.csv"])
def test_match_files_below_an_existing_folder_takes_its_name_as_written(tmp_path: Path, folder: str, name: str) -> None:
    kept = name if name.startswith("log") and "*" not in name else "log.csv"
    for other in ("2", "aXb", "whatX", "x", "!"):
        write(tmp_path / other / "log.csv")
    write(tmp_path / folder / kept)

    assert names(tmp_path / folder / name, tmp_path) == [f"{folder}/{kept}"]


def test_match_files_in_a_working_directory_with_brackets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "shop [2024]" / "log.csv")
    monkeypatch.chdir(tmp_path / "shop [2024]")

    assert match_files("log.csv", "data.path") == ("log.csv",)
    assert match_files(os.path.abspath("log.csv"), "data.path") == (f"{tmp_path}/shop [2024]/log.csv",)


def test_match_files_with_wildcards_that_name_no_file_matches_by_pattern(tmp_path: Path) -> None:
    for name in ("a1/log.csv", "a2/log.csv", "b1/log.csv"):
        write(tmp_path / name)

    assert names(tmp_path / "[ac]?" / "*.csv", tmp_path) == ["a1/log.csv", "a2/log.csv"]


def test_file_pattern_of_an_escaped_name_stays_as_written(tmp_path: Path) -> None:
    write(tmp_path / "[2024]" / "log.csv")

    escaped = file_pattern(f"{tmp_path}/[2024]/log.csv")

    assert escaped == f"{tmp_path}/[[]2024]/log.csv"
    assert file_pattern(escaped) == escaped
    assert file_pattern("gs://bucket/[2024]/*.csv") == "gs://bucket/[2024]/*.csv"


def test_match_files_leaves_out_hidden_files_and_folders_unless_named(tmp_path: Path) -> None:
    for name in ("a.csv", "._a.csv", "d/b.csv", ".ipynb_checkpoints/b.csv", ".hidden/.c.csv"):
        write(tmp_path / name)

    assert names(tmp_path / "*.csv", tmp_path) == ["a.csv"]
    assert names(tmp_path / "*" / "*.csv", tmp_path) == ["d/b.csv"]
    assert names(tmp_path / ".*.csv", tmp_path) == ["._a.csv"]
    assert names(tmp_path / ".ipynb_checkpoints" / "*.csv", tmp_path) == [".ipynb_checkpoints/b.csv"]
    assert names(tmp_path / ".hidden" / ".*", tmp_path) == [".hidden/.c.csv"]
    with pytest.raises(InputError, match="no such file"):
        names(tmp_path / ".hidden" / "*", tmp_path)


def test_match_files_of_a_folder_returns_its_files_with_the_endings(tmp_path: Path) -> None:
    for name in (
        "b.csv",
        "a.CSV.GZ",
        "c.csv.zst",
        "._b.csv",
        "_SUCCESS",
        "d.json",
        "e.csv.bak",
        "sub/f.csv",
        ".dt=1/g.csv",
    ):
        write(tmp_path / name)

    for path in (str(tmp_path), f"{tmp_path}/"):
        found = match_files(path, "data.path", [".csv"])
        assert found == (f"{tmp_path}/a.CSV.GZ", f"{tmp_path}/b.csv", f"{tmp_path}/c.csv.zst")
    with pytest.raises(InputError, match="received: the directory"):
        match_files(str(tmp_path), "data.items.path")


def test_match_files_of_a_folder_reads_the_partitions_below(tmp_path: Path) -> None:
    kept = ("dt=1/a.csv", "dt=1/h=2/b.csv", "dt=2/c.csv", "d.csv")
    for name in (*kept, "dt=1/.tmp/e.csv", "dt=1/x/f.csv", "x/dt=3/g.csv", "dt=1/.h.csv", "dt=1/i.txt"):
        write(tmp_path / name)

    def found(pattern: str) -> list[str]:
        return [os.path.relpath(name, tmp_path) for name in match_files(f"{tmp_path}{pattern}", "data.path", [".csv"])]

    assert found("") == ["d.csv", "dt=1/a.csv", "dt=1/h=2/b.csv", "dt=2/c.csv"]
    assert found("/dt=*") == ["dt=1/a.csv", "dt=1/h=2/b.csv", "dt=2/c.csv"]
    assert found("/dt=[2-9]/") == ["dt=2/c.csv"]
    assert found("/*") == ["d.csv", "dt=1/a.csv", "dt=1/h=2/b.csv", "dt=2/c.csv"]
    assert found("/dt=1") == ["dt=1/a.csv", "dt=1/h=2/b.csv"]
    assert found("/x") == ["x/dt=3/g.csv"]
    assert found("/dt=*/*.csv") == ["dt=1/a.csv", "dt=2/c.csv"]


def test_match_files_of_a_folder_with_brackets_in_its_name(tmp_path: Path) -> None:
    write(tmp_path / "shop [2024]" / "dt=1" / "a.csv")
    write(tmp_path / "shop 2" / "b.csv")

    assert match_files(f"{tmp_path}/shop [2024]", "data.path", [".csv"]) == (f"{tmp_path}/shop [2024]/dt=1/a.csv",)


@pytest.mark.parametrize(
    ("names", "received", "remedy"),
    [
        ((), "an empty folder", "name the files by a glob"),
        (("a.xls", ".b.csv"), "received: a.xls\n", "name the files by a glob"),
        (("dt=1/a.parquet",), "received: dt=1\n", "set data.format: parquet"),
    ],
)
def test_match_files_of_a_folder_without_such_files_names_the_endings(
    tmp_path: Path, names: tuple[str, ...], received: str, remedy: str
) -> None:
    for name in names:
        write(tmp_path / name)

    with pytest.raises(InputError) as error:
        match_files(str(tmp_path), "data.path", files.ENDINGS["csv"])

    assert f"expected: files that end in .csv or .tsv or .txt in the folder {tmp_path}" in str(error.value)
    assert received in str(error.value)
    assert remedy in str(error.value)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_store(tmp_path_factory.mktemp("store")):
        for name in ("d/a.csv.gz", "d/._a.csv.gz", ".cache/a.csv.gz"):
            boto3.client("s3").put_object(Bucket=BUCKET, Key=name, Body=gzip.compress(b"user,item\n"))
        yield f"s3://{BUCKET}"


def test_files_of_an_object_store_are_matched_and_read(store: str) -> None:
    assert match_files(f"{store}/*/*.csv.gz", "data.path") == (f"{store}/d/a.csv.gz",)
    assert b"".join(read_blocks(f"{store}/d/a.csv.gz")) == b"user,item\n"


def test_folders_and_partitions_of_an_object_store_are_matched(store: str) -> None:
    others = ("log/x/d.csv", "log/.e.csv", "log/dt=1/.f/g.csv")
    for name in ("log/a.csv", "log/dt=1/b.csv", "log/dt=1/h=2/c.csv.gz", *others):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=name, Body=b"user,item\n")

    def found(pattern: str) -> list[str]:
        return [name[len(store) :] for name in match_files(f"{store}{pattern}", "data.path", [".csv"])]

    partitions = ["/log/dt=1/b.csv", "/log/dt=1/h=2/c.csv.gz"]
    assert found("/log") == found("/log/") == found("/log/*") == ["/log/a.csv", *partitions]
    assert found("/log/dt=*") == found("/log/dt=1") == partitions
    assert found("/log/dt=*/*.csv") == partitions[:1]
    assert found("/log/a.csv") == ["/log/a.csv"]
    with pytest.raises(InputError, match="no such file"):
        match_files(f"{store}/log", "data.items.path")


def test_newest_spans_of_an_object_store_are_matched(store: str) -> None:
    for name in ("01/a.csv", "02/b.csv", "02/c=1/d.csv", "02/x/e.csv", "02/.f.csv", "03/.g.csv", "03/h.json"):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"spans/2026-11-{name}", Body=b"user,item\n")

    def found(pattern: str, num_spans: int = 1) -> list[str]:
        settings = data(f"{store}/spans/{pattern}", num_spans=num_spans)
        return [name.removeprefix(f"{store}/spans/2026-11-") for name in match_log(settings)]

    assert found("{YYYY}-{MM}-{DD}") == found("{YYYY}-{MM}-{DD}/") == ["02/b.csv", "02/c=1/d.csv"]
    assert found("{YYYY}-{MM}-{DD}", num_spans=9) == ["01/a.csv", "02/b.csv", "02/c=1/d.csv"]
    assert found("{YYYY}-{MM}-{DD}/*.csv") == found("2026-11-{SPAN:2}/?.csv") == ["02/b.csv"]
    with pytest.raises(InputError, match="received: no such file"):
        found("{SPAN}.csv")


def test_wrong_name_on_an_object_store_shows_its_neighbours(store: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean {store}/d/a.csv.gz\?"):
        match_files(f"{store}/d/a.csv", "data.path")
    with pytest.raises(InputError, match=f"Not found: {store}/d/none"):
        list(read_blocks(f"{store}/d/none.csv"))


def test_match_files_of_a_pipe_asks_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InputError, match="received: a pipe or a device"):
        match_files(f"{tmp_path}/pipe", "data.path")


def test_match_files_with_a_name_that_is_not_utf8_asks_to_rename_it(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.csv")).touch()

    with pytest.raises(InputError, match=r"received: .*/caf\\xe9\.csv\nremedy:   rename"):
        match_files(str(tmp_path), "data.path", [".csv"])


def test_match_files_in_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder is empty"):
        match_files(f"{tmp_path}/log.csv", "data.path")


def test_compressors_cover_every_ending() -> None:
    assert set(COMPRESSORS) == set(files.DECOMPRESSORS)


@pytest.mark.parametrize("ending", COMPRESSORS)
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_read_blocks_decompresses_by_the_ending_in_any_case(
    tmp_path: Path, ending: str, case: Callable[[str], str]
) -> None:
    path = write(tmp_path / case(f"log.csv{ending}"), COMPRESSORS[ending](CONTENT))

    assert b"".join(read_blocks(path)) == CONTENT


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_read_blocks_of_a_large_file_joins_small_parts(tmp_path: Path, ending: str) -> None:
    content = os.urandom(READ_BYTES) * 3
    path = write(tmp_path / f"log{ending}", COMPRESSORS[ending](content))

    blocks = list(read_blocks(path))

    assert b"".join(blocks) == content
    assert all(len(block) >= READ_BYTES for block in blocks[:-1])


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_read_blocks_reads_all_streams_of_a_file(tmp_path: Path, ending: str) -> None:
    part = COMPRESSORS[ending](CONTENT)

    assert b"".join(read_blocks(write(tmp_path / f"two{ending}", part + part))) == CONTENT * 2
    assert b"".join(read_blocks(write(tmp_path / f"padded{ending}", part + b"\0" * 512))) == CONTENT


@pytest.mark.parametrize("ending", COMPRESSORS)
@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) * 6 // 10],
        lambda whole: whole[:-1],
        lambda whole: whole[:4],
        lambda whole: b"",
        lambda whole: whole + whole[:-1],
        lambda whole: b"user,item,time\n" + whole,
    ],
    ids=["60%", "last byte", "four bytes", "empty", "second stream", "another kind"],
)
def test_read_blocks_of_a_damaged_file_asks_to_fetch_it_again(
    tmp_path: Path, ending: str, case: Callable[[str], str], damage: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path / case(f"log.csv{ending}"), damage(COMPRESSORS[ending](CONTENT)))

    with pytest.raises(InputError, match="fetch or compress the file again"):
        list(read_blocks(path))


@pytest.mark.parametrize("damage", [lambda whole: whole[:-20], lambda whole: whole[:40] + b"xxxx" + whole[44:]])
def test_read_blocks_of_a_damaged_gzip_file_asks_for_a_whole_one(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path / "log.csv.gz", damage(gzip.compress(CONTENT)))

    with pytest.raises(InputError, match="whole gzip file"):
        list(read_blocks(path))


def test_read_blocks_of_a_missing_file_asks_to_check_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected: a file that can be read at"):
        list(read_blocks(f"{tmp_path}/none.csv"))
