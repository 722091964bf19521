"""A description of a log is guessed from its first rows; a file that is no log is refused."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from components.example_gen.guesses.guess_log import LogGuess, guess_log
from components.example_gen.preflight import check_log
from components.example_gen.sources.files import ENDINGS
from components.example_gen.sources.source import SOURCES
from schemas.errors import InputError
from tests.components.log_writers import COMPRESSED_ITSELF, WRITERS, Table
from tests.components.logs import START_S

DRAW = random.Random(7)
TABLE: Table = [
    {
        "event_time": str(START_S + 61 * row),
        "event_type": DRAW.choice(["view", "view", "view", "purchase"]),
        "product_id": f"p{DRAW.randrange(40)}",
        "category": f"c{DRAW.randrange(5)}",
        "price": f"{DRAW.randrange(1, 900) / 10}",
        "user_id": f"u{DRAW.randrange(30)}",
        "request_id": f"r{row}",
    }
    for row in range(400)
]


def roles(guess: LogGuess) -> dict[str, str]:
    return {role: name for role, name in guess.data.columns.model_dump(exclude_unset=True).items() if name}


def guess_text(folder: Path, text: str, name: str = "log.csv") -> LogGuess:
    (folder / name).write_text(text)
    return guess_log(str(folder / name))


def lines(template: str, count: int = 60) -> str:
    """Return lines with users, items that repeat, seconds and a day."""
    draw = random.Random(3)
    return "".join(
        template.format(n=n, u=draw.randrange(9), i=draw.randrange(20), s=START_S + n, d=n % 28 + 1, r=n % 5 + 1)
        for n in range(count)
    )


@pytest.mark.parametrize("kind", SOURCES)
def test_columns_are_guessed_in_every_format(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ENDINGS[kind][0]}"
    WRITERS[kind](path, TABLE)
    guess = guess_log(str(path))
    assert guess.data.format == kind
    assert roles(guess) == {
        "user": "user_id",
        "item": "product_id",
        "timestamp": "event_time",
        "event": "event_type",
        "value": "price",
    }
    assert guess.data.timestamp.unit == "s"
    assert guess.rows == len(TABLE)
    assert guess.rejected == {}
    assert {column.name: column.setting for column in guess.further} == {"category": {"column": "category"}}
    assert check_log(guess.data).accepted == len(TABLE)


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind not in COMPRESSED_ITSELF])
@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_file_is_read(kind: str, ending: str, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "plain", TABLE)
    path = tmp_path / f"log{ENDINGS[kind][0]}{ending}"
    path.write_bytes(compress((tmp_path / "plain").read_bytes()))
    guess = guess_log(str(path))
    assert guess.data.format == kind
    assert check_log(guess.data).accepted == len(TABLE)


def test_typed_times_and_lists_of_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "customer": [n % 9 for n in range(60)],
            "sku": [n * 7 % 20 for n in range(60)],
            "tags": [["a", "b"]] * 60,
            "at": pa.array([START_S * 10**6 + n for n in range(60)], pa.timestamp("us")),
        }
    )
    parquet.write_table(table, tmp_path / "log.parquet")
    guess = guess_log(str(tmp_path / "log.parquet"))
    assert roles(guess) == {"user": "customer", "item": "sku", "timestamp": "at"}
    assert guess.data.timestamp.unit == "s"
    assert check_log(guess.data).accepted == 60


def test_nested_columns_of_json_lines(tmp_path: Path) -> None:
    rows = [
        {"visitor": {"id": f"u{n % 9}"}, "page": {"sku": f"i{n * 7 % 20}"}, "ts": (START_S + n) * 1000}
        for n in range(60)
    ]
    guess = guess_text(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "log.jsonl")
    assert roles(guess) == {"user": "visitor.id", "item": "page.sku", "timestamp": "ts"}
    assert guess.data.timestamp.unit == "ms"


def test_file_without_header_gets_names(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, lines("{u}\t{i}\t{r}\t{s}\n"), "u.data")
    assert guess.data.column_names == ("user", "item", "value", "timestamp")
    assert roles(guess) == {"user": "user", "item": "item", "timestamp": "timestamp", "value": "value"}
    assert check_log(guess.data).accepted == 60


def test_events_of_a_file_without_header_are_found(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, lines("{u},{i},pv,{s}\n{u},{i},buy,{s}\n"))
    assert guess.data.column_names == ("user", "item", "event", "timestamp")
    assert "pv 60, buy 60" in guess.comments["columns.event"]


def test_list_of_items_in_json_is_refused(tmp_path: Path) -> None:
    rows = [{"device": {"os": "x"}, "user": f"u{n % 9}", "ts": START_S + n, "items": [{"id": "i"}]} for n in range(60)]
    with pytest.raises(InputError, match="rows with many items, in items:"):
        guess_text(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "log.jsonl")


def test_types_in_the_header_are_no_part_of_the_names(tmp_path: Path) -> None:
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    guess = guess_text(tmp_path, header + lines("{u}\t{i}\t{r}\t{s}\n"), "log.inter")
    assert roles(guess) == {
        "user": "user_id:token",
        "item": "item_id:token",
        "timestamp": "timestamp:float",
        "value": "rating:float",
    }


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("reviewerID,asin,overall,unixReviewTime", "{u},{i},{r},{s}", ("reviewerID", "asin", "unixReviewTime")),
        ("timestamp,visitorid,event,itemid,transactionid", "{s},{u},view,{i},", ("visitorid", "itemid", "timestamp")),
        ("userId;movieId;rating;timestamp", "{u};{i};3,5;{s}", ("userId", "movieId", "timestamp")),
        ("kunde,artikel,zeitpunkt", "k{u},a{i},{d:02}.05.2021 10:00", ("kunde", "artikel", "zeitpunkt")),
        (
            "created_at,birth_date,member,product_name,sku",
            "{s},1990-01-{d:02},{u},n{i},{i}",
            ("member", "sku", "created_at"),
        ),
        ("session_id,product_id,ts", "{u},{i},{s}", ("session_id", "product_id", "ts")),
        ("order_id,add_to_cart_order,product_id", "{u},{n},{i}", ("order_id", "product_id", "add_to_cart_order")),
        ("household_key,DAY,PRODUCT_ID,TRANS_TIME", "{u},{n},{i},{r}", ("household_key", "PRODUCT_ID", "DAY")),
        ("user_pseudo_id,item_name,ts", "{u}.{u}5,The item {i},{s}", ("user_pseudo_id", "item_name", "ts")),
        ("user, item, ts", "{u}, {i}, {s}", ("user", " item", " ts")),
        (",user,item,ts", "{n},{u},{i},{s}", ("user", "item", "ts")),
    ],
)
def test_names_of_public_logs(header: str, row: str, expected: tuple[str, str, str], tmp_path: Path) -> None:
    guess = guess_text(tmp_path, header + "\n" + lines(row + "\n"))
    columns = guess.data.columns
    assert (columns.sequence, columns.item, columns.timestamp) == expected
    assert check_log(guess.data).accepted == 60


@pytest.mark.parametrize(("row", "session"), [("{u},{i},{s},v{r}", "visit"), ("{u},{i},{s},", None)])
def test_session_of_each_row_is_a_column(row: str, session: str | None, tmp_path: Path) -> None:
    guess = guess_text(tmp_path, "user,item,ts,visit\n" + lines(row + "\n"))
    assert (guess.data.columns.user, guess.data.columns.session) == ("user", session)


def test_session_takes_the_place_of_a_missing_user(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, "visit,item,ts\n" + lines("v{u},{i},{s}\n"))
    assert (guess.data.columns.user, guess.data.columns.session) == (None, "visit")


def test_whole_numbers_without_a_date_are_an_order(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, "user,item,timestamp\n" + lines("{u},{i},{n}\n"))
    assert guess.data.timestamp.unit == "order"


def test_frequent_zero_is_no_user_and_raises_the_limit(tmp_path: Path) -> None:
    """Each second row has the user 0, the others one of 9: 60 of 120 rows, and at most 0.6 may be rejected."""
    guess = guess_text(tmp_path, "user,item,ts\n" + lines("0,i{i},{s}\nu{u},i{i},{s}\n"))
    assert guess.data.null_values == ("", "0")
    assert guess.rejected == {"no_user": 60}
    assert guess.data.max_rejected_share == 0.6
    assert "no_user 60" in guess.comments["max_rejected_share"]


def test_user_zero_in_a_log_in_the_order_of_its_users_is_a_user(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, "user,item,ts\n" + lines("0,{i},{s}\n", 200) + lines("7{u},{i},{s}\n"))
    assert guess.rejected == {}


def test_user_zero_among_others_is_a_user(tmp_path: Path) -> None:
    guess = guess_text(tmp_path, "user,item,ts\n" + lines("{u},{i},{s}\n"))
    assert "null_values" not in guess.comments
    assert guess.rejected == {}


def test_further_columns_describe_items_or_interactions(tmp_path: Path) -> None:
    header = "user,item,ts,shelf,shop,note\n"
    guess = guess_text(tmp_path, header + lines("{u},{i},{s},{i}m,{r},same\n"))
    assert {column.name: column.setting for column in guess.further} == {
        "shelf": {"column": "shelf", "of": "item"},
        "shop": {"column": "shop", "kind": "number"},
    }


def test_folder_is_read_by_the_format_of_most_files(tmp_path: Path) -> None:
    for day in (1, 2):
        folder = tmp_path / "clicks" / f"dt=2026-11-0{day}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("user,item\n" + lines("{u},{i}\n"))
    (tmp_path / "clicks" / "about.parquet").write_text("")
    guess = guess_log(str(tmp_path / "clicks"))
    assert (guess.data.format, guess.data.columns.timestamp) == ("csv", "dt")
    assert check_log(guess.data).rows == 60


def test_file_with_other_columns_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,ts\n" + lines("{u},{i},{s}\n"))
    (tmp_path / "b.csv").write_text("item,title\n1,Heat\n")
    with pytest.raises(InputError, match=r"b\.csv"):
        guess_log(str(tmp_path))


def test_column_in_the_file_and_in_its_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "user=7").mkdir()
    (tmp_path / "user=7" / "log.csv").write_text("user,item,ts\n" + lines("{u},{i},{s}\n"))
    with pytest.raises(InputError, match=r"'user' either in the file or in the names of its folders"):
        guess_log(str(tmp_path))


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "image": ("log.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
    "PDF": ("log.pdf", b"%PDF-1.7\n%\xb5\xb5\n1 0 obj\n", "a PDF document"),
    "binary file called csv": ("log.csv", bytes(range(256)) * 20, "binary data"),
    "gzip without its ending": ("log.csv", gzip.compress(b"user,item\n"), r"end in \.gz"),
    "text": ("log.txt", b"Call me Ishmael. Some years ago, never\nmind how long precisely\n", "no delimiter"),
    "empty file": ("log.csv", b"", "an empty file"),
    "byte order mark only": ("log.csv", b"\xef\xbb\xbf", "an empty file"),
    "header only": ("log.csv", b"user,item,time\n", "rows after the header"),
    "JSON document": ("log.json", b'{\n  "users": [1, 2],\n  "items": []\n}\n', "a document over several lines"),
    "JSON with NaN": ("log.jsonl", b'{"user": 1, "item": 2, "time": NaN}\n' * 9, "the first line(.|\n)*has no NaN"),
    "JSON array": ("log.json", b'[{"user": 1}, {"user": 2}]\n', "jq -c"),
    "JSON settings": ("log.json", b'{"debug": true, "level": 3}\n', "a column with the time"),
    "Latin-1": (
        "log.csv",
        lines("é{u},{i},{s}\n").encode("latin-1"),
        r"60 of the first 60 lines are not UTF-8(.|\n)*iconv",
    ),
    "two rows a line": (
        "log.csv",
        ("user,item,time\n" + lines("{u},{i},{s}\r{u},{i},{s}\n")).encode(),
        "60 of the first 61 lines have a carriage return before their end",
    ),
    "damaged Avro": ("log.avro", b"Obj\x01damaged", "a whole Avro file"),
    "UTF-16": ("log.csv", "user,item,time\n".encode("utf-16"), "iconv"),
    "table of items": (
        "items.csv",
        ("item_id,title,year\n" + "".join(f"{n},Film {n},{1950 + n}\n" for n in range(50))).encode(),
        r"data\.items\.path",
    ),
    "table of items with codes": (
        "items.csv",
        ("sku,shelf,aisle,created\n" + "".join(f"s{n},{n % 9},a{n % 7},2020-01-01\n" for n in range(50))).encode(),
        r"data\.items\.path",
    ),
    "table of users": (
        "users.csv",
        ("user_id,age,joined\n" + "".join(f"{n},{n},2020-01-{n % 28 + 1}\n" for n in range(50))).encode(),
        r"data\.users\.path",
    ),
    "log without users": (
        "log.csv",
        ("item,time\n" + "".join(f"i{n % 7},{START_S + n}\n" for n in range(50))).encode(),
        "a column with the user",
    ),
    "log without times": (
        "log.csv",
        ("user,item\n" + "".join(f"u{n % 9},i{n % 7}\n" for n in range(50))).encode(),
        "a column with their number",
    ),
    "log without items": (
        "log.csv",
        ("user,time\n" + "".join(f"u{n % 9},{START_S + n}\n" for n in range(50))).encode(),
        "a column with the item",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_file_that_is_no_log_is_refused(case: str, tmp_path: Path) -> None:
    name, content, hint = REFUSED[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=hint):
        guess_log(str(tmp_path / name))


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    columns = {name: pa.array([], pa.string()) for name in ("user", "item", "time")}
    parquet.write_table(pa.table(columns), tmp_path / "log.parquet")
    with pytest.raises(InputError, match=r"expected: rows in .*log\.parquet\nreceived: columns without rows"):
        guess_log(str(tmp_path / "log.parquet"))


def test_avro_that_is_cut_short_is_refused_as_damaged(tmp_path: Path) -> None:
    WRITERS["avro"](tmp_path / "log.avro", TABLE)
    (tmp_path / "log.avro").write_bytes((tmp_path / "log.avro").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"expected: a whole Avro file at (.|\n)*EOFError"):
        guess_log(str(tmp_path / "log.avro"))


def test_excel_sheet_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.xlsx", "w") as sheet:
        sheet.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InputError, match="open the sheet and export it"):
        guess_log(str(tmp_path / "log.xlsx"))


def test_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an empty folder"):
        guess_log(str(tmp_path))


def test_missing_file_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("")
    with pytest.raises(InputError, match=r"did you mean .*log\.csv"):
        guess_log(str(tmp_path / "lag.csv"))
