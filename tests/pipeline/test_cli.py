"""The command line, in processes of its own where what matters is how it ends."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.e2e.command import attempt, temporec

QUICKSTART = Path(__file__).parents[2] / "pipeline" / "configs" / "quickstart.yaml"
COMMANDS = ["doctor", "data", "validate", "run", "evaluate", "compare", "report", "serve", "recommend", "compile"]


def test_help_names_every_command_and_the_exit_codes() -> None:
    said = temporec("--help")
    assert all(command in said for command in COMMANDS)
    assert "3 the gate refused" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    assert "Usage" in temporec(command, "--help")


def test_validate_counts_and_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.tsv").write_text(
        "user_id:token\titem_id:token\ttimestamp:float\n"
        + "".join(f"u\ti{n}\t{1_500_000_000 + n}\n" for n in range(30))
        + "\ti1\t1500000000\n"
    )
    said = temporec(
        "validate", "--config", QUICKSTART, "--set", f"data.path={tmp_path / 'log.tsv'}", "--set", "data.items=null"
    )
    for row in ("rows read 31", "accepted 30", "rejected: no_user 1", "users 1", "items 30"):
        assert row in " ".join(said.replace("│", " ").split())


def test_what_is_wrong_with_the_input_ends_with_2_and_a_message(tmp_path: Path) -> None:
    ran = attempt("validate", "--config", tmp_path / "none.yaml")
    assert ran.returncode == 2
    assert "expected:" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_unknown_option_ends_with_2() -> None:
    assert attempt("run", "--confg", "x").returncode == 2


def test_evaluating_what_is_no_model_names_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").write_text("")
    ran = attempt("evaluate", "--config", QUICKSTART, "--model", tmp_path)
    assert ran.returncode == 2
    assert str(tmp_path / "7") in ran.stderr.replace("\n", "")


def test_asking_where_no_server_is_ends_with_2() -> None:
    with socket.create_server(("localhost", 0)) as unused:
        port = unused.getsockname()[1]
    ran = attempt("recommend", "--server", f"localhost:{port}", "--history", "a")
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [("report", "--root", "."), ("compare", ".", ".")], ids=" ".join)
def test_asking_of_what_is_no_root_ends_with_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = attempt(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert "run.json" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_report_goes_where_it_is_to_go(finished_root: Path, tmp_path: Path) -> None:
    said = temporec("report", "--root", finished_root, "--output", tmp_path / "new" / "page.html")
    assert said.strip() == str(tmp_path / "new" / "page.html")
    assert "Blessed and pushed as version 7" in (tmp_path / "new" / "page.html").read_text()


def test_a_report_is_no_folder(finished_root: Path, tmp_path: Path) -> None:
    ran = attempt("report", "--root", finished_root, "--output", tmp_path)
    assert ran.returncode == 2
    assert "Is a directory" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.iterdir())


def test_doctor_speaks_json() -> None:
    report = json.loads(attempt("doctor", "--json").stdout)
    assert {check["name"] for check in report["checks"]} >= {"Python", "packages", "TensorFlow"}
