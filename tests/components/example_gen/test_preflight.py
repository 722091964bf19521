import gzip
import os
import random
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.preflight import SAMPLE_ROWS, LogSample, check_log
from components.example_gen.sources.files import READ_BYTES
from schemas.config.filters import FilterConfig
from schemas.errors import InputError
from tests.components.logs import START_S, data

ROWS = "".join(f"u{i},i{i},{START_S + i}\n" for i in range(20))
LOG = f"user,item,time\n{ROWS}"
BAD = "".join(f",i{i},{START_S + i}\n" for i in range(20))  # no user


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path: str | Path, **settings: Any) -> str:
    with pytest.raises(InputError) as error:
        check_log(data(path, **settings))
    return str(error.value)


def test_check_log_of_a_good_log_counts_its_first_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", f"{LOG},i,1\nbad\nu,bot,{START_S}\n")

    sample = check_log(data(path, filters=(FilterConfig(column="item", matches="i.*"),)))

    assert sample == LogSample(
        files=(str(path),),
        rows=23,
        accepted=20,
        rejected={"no_user": 1, "wrong_field_count": 1, "filtered": 1},
        whole=True,
    )


def test_check_log_of_a_long_log_reads_its_first_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(LOG.encode() + ROWS.encode() * 50_000, compresslevel=1))

    sample = check_log(data(path))

    assert SAMPLE_ROWS <= sample.rows < 2 * SAMPLE_ROWS
    assert not sample.whole
    assert sample.rejected == {}


def test_check_log_of_a_long_log_counts_good_and_bad_rows_as_they_come(tmp_path: Path) -> None:
    rows = "".join(f"u,i,{START_S}\n" * 9 + "bad\n" for _ in range(5_000))

    sample = check_log(data(write(tmp_path / "log.csv", "user,item,time\n" + rows)))

    assert (sample.rows, sample.rejected) == (SAMPLE_ROWS, {"wrong_field_count": SAMPLE_ROWS // 10})


def test_check_log_counts_rows_that_are_longer_than_a_block(tmp_path: Path) -> None:
    wide = f"u,i,{START_S},{'x' * (READ_BYTES // 10)}\n"

    sample = check_log(data(write(tmp_path / "log.csv", "user,item,time,note\n" + wide * 20)))

    assert (sample.rows, sample.accepted, sample.whole) == (20, 20, True)


def test_check_log_of_a_glob_checks_every_file_and_accepts_empty_ones(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "")
    write(tmp_path / "2.csv", "user,item,time\n")
    write(tmp_path / "3.csv", LOG)
    assert check_log(data(tmp_path / "*.csv")).accepted == 20

    write(tmp_path / "4.csv", "user,things,time\n")
    message = problem(tmp_path / "*.csv")

    assert "4.csv" in message
    assert "'user', 'things', 'time'" in message


def test_check_log_of_a_glob_in_the_working_directory_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "log-1.csv", LOG)
    monkeypatch.chdir(tmp_path)

    assert check_log(data("log-*.csv")).accepted == 20


@pytest.mark.parametrize("name", ["logg.csv", "log*.tsv"])
def test_check_log_of_a_missing_file_names_the_closest(tmp_path: Path, name: str) -> None:
    write(tmp_path / "log.csv", LOG)
    write(tmp_path / "zzz", "")

    message = problem(tmp_path / name)

    assert f"expected: a file at {tmp_path}/{name}" in message
    assert f"did you mean {tmp_path}/log.csv?" in message


def test_check_log_of_a_missing_file_without_a_close_name_lists_the_folder(tmp_path: Path) -> None:
    for number in range(9):
        write(tmp_path / f"{number}.yaml", "")

    message = problem(tmp_path / "log.csv")

    assert "did you mean" not in message
    assert message.endswith("its folder has 0.yaml, 1.yaml, 2.yaml, 3.yaml, 4.yaml, 5.yaml, 6.yaml, 7.yaml, ...")


def test_check_log_of_a_missing_folder_says_so(tmp_path: Path) -> None:
    assert "its folder does not exist" in problem(tmp_path / "nowhere" / "log.csv")


def test_check_log_of_an_unknown_file_system_raises() -> None:
    assert "expected: a path that can be read in data.path" in problem("nowhere://bucket/log.csv")


def test_check_log_of_a_folder_reads_the_files_of_the_format(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    write(tmp_path / "notes.md", "not read")

    assert check_log(data(tmp_path)).files == (f"{tmp_path}/log.csv",)


def test_check_log_of_a_folder_with_another_format_names_it(tmp_path: Path) -> None:
    write(tmp_path / "log.parquet", "")

    message = problem(tmp_path)

    assert f"files that end in .csv or .tsv or .txt in the folder {tmp_path}" in message
    assert "received: log.parquet" in message
    assert "set data.format: parquet" in message


@pytest.mark.parametrize("content", ["", "\ufeff", "user,item,time\n", "\ufeffuser,item,time", "\n\n"])
def test_check_log_without_rows_raises(tmp_path: Path, content: str) -> None:
    assert "received: no rows" in problem(write(tmp_path / "log.csv", content))


def test_check_log_without_a_column_names_the_closest(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", LOG.replace("user", "user_id")))

    assert "one column 'user'" in message
    assert "none among 'user_id', 'item', 'time'" in message
    assert "did you mean 'user_id'?" in message


def test_check_log_of_a_file_without_a_header_asks_for_names(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", ROWS))

    assert f"received: a first line with a number: 'u0', 'i0', '{START_S}'" in message
    assert "remedy:   set data.column_names to the names of all columns" in message


def test_check_log_without_the_column_of_a_filter_names_the_closest(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", LOG), filters=(FilterConfig(column="items", above=1),))

    assert "did you mean 'item'?" in message


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0",
        b"PAR1\x15\x04\x15\0\n" * 100,
        gzip.compress(LOG.encode()),
        random.Random(0).randbytes(4096),
    ],
    ids=["png", "parquet", "gzip", "random"],
)
@pytest.mark.parametrize("settings", [{}, {"column_names": ("user", "item", "time")}], ids=["header", "no header"])
def test_check_log_of_a_binary_file_raises(tmp_path: Path, content: bytes, settings: dict[str, Any]) -> None:
    message = problem(write(tmp_path / "log.csv", content), **settings)

    assert any(word in message for word in ("binary data", "as text in UTF-8", "rows of the first"))


def test_check_log_of_a_line_that_does_not_end_names_its_length(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", b"user,item," + b"x" * READ_BYTES))

    assert "received: a line of more than 1,048,576 bytes: 'user,item,xxx" in message
    assert message.endswith("remedy:   check the path, and that each row ends with a line feed")


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32"])
def test_check_log_of_wide_characters_suggests_iconv(tmp_path: Path, encoding: str) -> None:
    message = problem(write(tmp_path / "log.csv", LOG.encode(encoding)))

    assert message.endswith(f"received: text in {encoding}\nremedy:   convert it: iconv -f {encoding} -t UTF-8")


def test_check_log_of_lines_with_carriage_returns_only_suggests_tr(tmp_path: Path) -> None:
    assert r"tr '\r' '\n'" in problem(write(tmp_path / "log.csv", LOG.replace("\n", "\r")))


def test_check_log_of_text_named_gz_asks_for_a_whole_gzip_file(tmp_path: Path) -> None:
    assert "whole gzip file" in problem(write(tmp_path / "log.csv.gz", LOG))


@pytest.mark.parametrize(("delimiter", "shown"), [(";", '";"'), ("\t", r'"\t"'), ("|", '"|"')])
@pytest.mark.parametrize("settings", [{}, {"column_names": ("user", "item", "time")}], ids=["header", "no header"])
def test_check_log_with_another_delimiter_names_it(
    tmp_path: Path, delimiter: str, shown: str, settings: dict[str, Any]
) -> None:
    text = (ROWS if settings else LOG).replace(",", delimiter)

    assert f"set data.delimiter: {shown}" in problem(write(tmp_path / "log.csv", text), **settings)


def test_check_log_with_a_delimiter_that_splits_the_header_names_the_better_one(tmp_path: Path) -> None:
    text = "user;item;time;price, gross\nu;i;1600000000;1\n"

    assert 'set data.delimiter: ";"' in problem(write(tmp_path / "log.csv", text))


def test_check_log_with_two_possible_delimiters_names_the_better_one(tmp_path: Path) -> None:
    assert 'set data.delimiter: ";"' in problem(write(tmp_path / "log.csv", "user;item;time|utc\nu;i;1|2\n"))


def test_check_log_with_only_bad_rows_counts_their_reasons(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "log.csv", f"user,item,time\n,i,{START_S}\nu,,{START_S}\n ,,{START_S}\n"))

    assert "3 rows of the first 3 rejected" in message
    assert (
        f"no_user: 2 rows; check data.columns.user and data.null_values\n    {tmp_path}/log.csv:2: ',i,{START_S}'"
        in message
    )
    assert "check data.columns.user" in message


def test_check_log_with_only_filtered_rows_accepts(tmp_path: Path) -> None:
    sample = check_log(data(write(tmp_path / "log.csv", LOG), filters=(FilterConfig(column="item", matches="x"),)))

    assert (sample.accepted, sample.rejected) == (0, {"filtered": 20})


ITEMS: dict[str, Any] = {"id": "id", "title": "title", "delimiter": "|"}


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
# Of BAD: within the first block, or over one to three.
@pytest.mark.parametrize("before", [1, 3_000, 9_000])
def test_check_log_with_bad_rows_first_leaves_the_judgement_to_the_end(tmp_path: Path, name: str, before: int) -> None:
    content = f"user,item,time\n{BAD * before}{ROWS * (before // 10 + 1)}".encode()
    path = write(tmp_path / name, gzip.compress(content, 1) if name.endswith(".gz") else content)

    sample = check_log(data(path, max_rejected_share=0.93))

    assert sample.rows == sample.accepted + sum(sample.rejected.values())
    assert sample.rejected["no_user"] == (20 if before == 1 else sample.rows)


def test_check_log_with_rows_bad_throughout_names_the_cause(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", f"user,item,time\n{BAD * 2_000}")
    write(tmp_path / "2.csv", f"time,item,user\n{START_S},i,\n")

    assert "no_user: " in problem(tmp_path / "*.csv", max_rejected_share=0.3)


@pytest.mark.parametrize("names", [("1.csv", "2.csv"), ("2.csv", "1.csv")], ids=["bad first", "good first"])
def test_check_log_with_one_bad_file_leaves_the_judgement_to_the_end(tmp_path: Path, names: tuple[str, str]) -> None:
    bad, good = names
    write(tmp_path / bad, "user,item,time\n" + "".join(f"u{i},i{i},0\n" for i in range(500)))
    write(tmp_path / good, LOG)

    assert check_log(data(tmp_path / "*.csv")).rows > 0


def test_check_log_of_one_row_files_reads_that_row(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "user,item,time\nu,i,0")
    write(tmp_path / "2.csv", f"user,item,time\nu,i,{START_S}")

    assert check_log(data(tmp_path / "*.csv")).rejected == {"timestamp_out_of_range": 1}


def test_check_log_with_more_bad_rows_than_half_but_within_the_limit_accepts(tmp_path: Path) -> None:
    rows = "".join(f"u,i,{0 if i % 3 else START_S + i}\n" for i in range(300))
    path = write(tmp_path / "log.csv", f"user,item,time\n{rows}")

    assert check_log(data(path, max_rejected_share=0.7)).accepted == 100
    assert "timestamp" in problem(path, max_rejected_share=0.6)


@pytest.mark.parametrize("settings", [{}, {"column_names": ("user", "item", "time")}], ids=["header", "no header"])
@pytest.mark.parametrize(
    ("separator", "remedies"),
    [
        (" ", ['set data.delimiter: " "']),
        ("   ", ["tr -s ' '", 'set data.delimiter: " "']),
        ("::", [r"sed 's/::/\t/g'", r'set data.delimiter: "\t"']),
    ],
)
def test_check_log_with_another_separator_names_the_remedy(
    tmp_path: Path, separator: str, remedies: list[str], settings: dict[str, Any]
) -> None:
    text = (ROWS if settings else LOG).replace(",", separator)

    message = problem(write(tmp_path / "log.csv", text), **settings)

    assert [remedy for remedy in remedies if remedy not in message] == []


def test_check_log_with_blanks_in_names_does_not_take_them_for_delimiters(tmp_path: Path) -> None:
    text = "the customer id;the stock code;sold at\nu;i;1600000000\n"

    assert 'set data.delimiter: ";"' in problem(write(tmp_path / "log.csv", text))


@pytest.mark.parametrize("ending", ["bz2", "xz", "zst", "GZ"])
def test_check_log_of_text_named_as_compressed_asks_for_a_whole_file(tmp_path: Path, ending: str) -> None:
    assert "fetch or compress the file again" in problem(write(tmp_path / f"log.csv.{ending}", LOG))


def test_check_log_of_a_pipe_asks_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")

    assert "write its content to a file, and set data.path to that" in problem(tmp_path / "log.csv")


LATIN_1 = "id,title\n1,Caf\xe9\n2,Na\xefve\n3,Plain\n".encode("latin-1")
