"""A fault of the input gives one message and exit code 2, before anything is trained."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import io
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands.run import run
from pipeline.exit_codes import INPUT_WRONG
from schemas.errors import InputError
from schemas.loading import load_config
from tests.e2e.command import attempt
from tests.e2e.planted import CONFIG, write_log

HEADER = "user,item,time\n"
NOW = 1_600_000_000
ROWS = [f"u{user},i{step},{NOW + step}\n" for user in range(5) for step in range(5)]


def refused(folder: Path, *settings: str, log: str = "log.csv", root: Path | None = None) -> str:
    """Return the message of a run that must be refused before TFX is started."""
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(log=folder / log))
    root = root or folder / "root"
    shown = io.StringIO()
    with pytest.raises(InputError) as refusal:
        run(load_config(config, settings), root, Console(file=shown))
    assert not shown.getvalue()
    assert not (root / "models").exists()
    return str(refusal.value)


CASES: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "no rows"),
    "header only": (HEADER.encode(), "header"),
    "column missing": (b"user,itm,time\n" + "".join(ROWS).encode(), "itm"),
    "every row bad": ((HEADER + "u,,x\n" * 30).encode(), "rejected"),
    "binary": (gzip.compress(os.urandom(5000)), "binary"),
    "wrong delimiter": ((HEADER + "".join(ROWS)).replace(",", ";").encode(), ";"),
    "blanks": ((HEADER + "".join(ROWS)).replace(",", " ").encode(), 'data.delimiter: " "'),
    "two colons": ((HEADER + "".join(ROWS)).replace(",", "::").encode(), "sed 's/::/"),
    "wrong unit": ((HEADER + "".join(row.strip() + "000\n" for row in ROWS)).encode(), "unit: ms"),
    "too few interactions": ((HEADER + "".join(f"u{n},i{n},{NOW}\n" for n in range(9))).encode(), "a user needs"),
    "too many bad rows": ((HEADER + "".join(ROWS) + ",i1,1600000000\n" * 10).encode(), "no_user"),
}


@pytest.mark.parametrize("case", CASES)
def test_run_with_a_bad_log_names_the_cause(tmp_path: Path, case: str) -> None:
    content, hint = CASES[case]
    (tmp_path / "log.csv").write_bytes(content)
    assert hint in refused(tmp_path)


@pytest.mark.parametrize(("ending", "compress"), [("bz2", bz2.compress), ("xz", lzma.compress), ("GZ", gzip.compress)])
def test_run_with_a_compressed_log_cut_short_asks_for_a_whole_file(
    tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    whole = compress((HEADER + "".join(ROWS)).encode())
    (tmp_path / f"log.csv.{ending}").write_bytes(whole[: len(whole) * 6 // 10])
    assert "fetch or compress the file again" in refused(tmp_path, log=f"log.csv.{ending}")


def test_run_command_with_a_missing_log_exits_with_2(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(log=tmp_path / "none.csv"))
    ran = attempt("run", "--config", config, "--root", tmp_path / "root")
    assert ran.returncode == INPUT_WRONG
    assert "Traceback" not in ran.stderr
    for part in ("expected:", "received:", "remedy:", "none.csv"):
        assert part in ran.stderr


def test_run_with_a_missing_log_names_the_closest_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(HEADER)
    assert "log.csv" in refused(tmp_path, log="lag.csv")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    write_log(tmp_path / "log.csv", users=20)
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "hint"), [("train.epoch=3", "did you mean epochs?"), ("model.dropout=1.5", "less than 1")]
)
def test_run_with_a_bad_setting_names_it(good: Path, setting: str, hint: str) -> None:
    assert hint in refused(good, setting)


def test_run_with_a_root_that_cannot_be_written_suggests_another(good: Path) -> None:
    (good / "file").write_text("")
    assert "another --root" in refused(good, root=good / "file" / "root")


def test_run_in_a_root_in_use_raises(good: Path) -> None:
    root = good / "root"
    root.mkdir()
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "a run is active in this root" in refused(good, root=root)
