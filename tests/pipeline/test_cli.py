"""The command line, run in its own process."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import socket
from pathlib import Path

import pytest

from pipeline.cli import _ids
from schemas.errors import InputError
from tests.e2e.command import attempt, temporec

QUICKSTART = Path(__file__).parents[2] / "pipeline" / "configs" / "quickstart.yaml"
COMMANDS = [
    "doctor",
    "config",
    "data",
    "init",
    "validate",
    "run",
    "evaluate",
    "compare",
    "report",
    "serve",
    "recommend",
    "compile",
    "submit",
    "schedule",
    "index",
]


def command_table(text: str) -> dict[str, str]:
    """Return the commands in the table of a help text, each with its description."""
    lines = text[text.index("─ Commands ─") :].splitlines()[1:]
    rows = [line.strip("│ ") for line in itertools.takewhile(lambda line: line.startswith("│"), lines)]
    found = [re.fullmatch(r"(\S+)\s{2,}(\S.*)", row) for row in rows]
    return {match[1]: match[2] for match in found if match}


def test_help_lists_every_command_in_one_line_and_the_exit_codes() -> None:
    text = temporec("--help", environ={"COLUMNS": "160"})
    table = command_table(text)
    assert sorted(table) == sorted(COMMANDS)
    assert all(description.endswith(".") and description[0].isupper() for description in table.values())
    assert "3 the gate refused" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    assert "Usage" in temporec(command, "--help")


def test_help_shows_the_defaults_that_depend_on_other_settings() -> None:
    for command, shown in (("run", "runs/NAME"), ("report", "ROOT/report.html"), ("recommend", "the model's k")):
        assert f"Default: {shown}" in temporec(command, "--help", environ={"COLUMNS": "200"})


def test_validate_prints_counts_and_examples_and_writes_rejected_rows(tmp_path: Path) -> None:
    log, rejected = tmp_path / "log.tsv", tmp_path / "rejected"
    log.write_text(
        "user_id:token\titem_id:token\ttimestamp:float\n"
        + "".join(f"u\ti{n}\t{1_500_000_000 + n}\n" for n in range(200))
        + "".join(f"\ti{n}\t1500000000\n" for n in range(4))
    )
    command = ("validate", "--config", QUICKSTART, "--set", f"data.path={log}", "--set", "data.items=null")

    text = temporec(*command, "--rejected", rejected)

    for row in ("rows read 204", "accepted 200", "rejected: no_user 4", "users 1", "items 200"):
        assert row in " ".join(text.replace("│", " ").split())
    examples = [f"    {log}:{202 + n}: '\\ti{n}\\t1500000000'" for n in range(3)]
    assert "\n".join(["  no_user: 4 rows; check data.columns.user and data.null_values", *examples, ""]) in text
    (path,) = rejected.glob("*")
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 4

    ran = attempt(*command, "--set", "data.max_rejected_share_by_reason={no_user: 0.01}", "--rejected", rejected / "2")
    assert ran.returncode == 2
    assert "of the rows rejected at most 1.00% as no_user" in ran.stderr
    assert all(example in ran.stderr for example in examples)
    assert [path.name for path in (rejected / "2").glob("*")] == [path.name]
    ran = attempt(*command, "--rejected", rejected)
    assert ran.returncode == 2
    assert "a new folder in --rejected" in ran.stderr


def test_missing_configuration_ends_with_2_and_a_message(tmp_path: Path) -> None:
    ran = attempt("validate", "--config", tmp_path / "none.yaml")
    assert ran.returncode == 2
    assert "expected:" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments", [("validate", "--config", QUICKSTART), ("report", "--root", "/none"), ("compare", "/none", "/none")]
)
def test_command_in_a_deleted_working_directory_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]
) -> None:
    deleted = tmp_path / "deleted"
    deleted.mkdir()
    monkeypatch.chdir(deleted)
    deleted.rmdir()
    ran = attempt(*arguments)
    assert ran.returncode == 2
    assert "received: it was deleted" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_unknown_option_ends_with_2() -> None:
    assert attempt("run", "--confg", "x").returncode == 2


def test_evaluate_of_a_folder_of_versions_names_a_version(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").write_text("")
    ran = attempt("evaluate", "--config", QUICKSTART, "--model", tmp_path)
    assert ran.returncode == 2
    assert str(tmp_path / "7") in ran.stderr.replace("\n", "")


def test_recommend_without_a_server_ends_with_2() -> None:
    with socket.create_server(("localhost", 0)) as unused:
        port = unused.getsockname()[1]
    ran = attempt("recommend", "--server", f"localhost:{port}", "--history", "a")
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [("report", "--root", "."), ("compare", ".", ".")], ids=" ".join)
def test_command_on_a_folder_without_a_run_ends_with_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = attempt(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert "run.json" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_report_writes_to_the_output(finished_root: Path, tmp_path: Path) -> None:
    printed = temporec("report", "--root", finished_root, "--output", tmp_path / "new" / "page.html")
    assert printed.strip() == str(tmp_path / "new" / "page.html")
    assert "Blessed and pushed as version 7" in (tmp_path / "new" / "page.html").read_text()


def test_report_to_a_folder_ends_with_2(finished_root: Path, tmp_path: Path) -> None:
    ran = attempt("report", "--root", finished_root, "--output", tmp_path)
    assert ran.returncode == 2
    assert "Is a directory" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.iterdir())


def test_doctor_checks_the_machine_and_does_not_depend_on_the_users_keras() -> None:
    ran = attempt("doctor", "--json", environ={"KERAS_BACKEND": "torch", "TF_USE_LEGACY_KERAS": "0"})
    report = json.loads(ran.stdout)
    assert [check["name"] for check in report["checks"]] == [
        "platform", "glibc and dependency set", "Python", "C++ compiler", "Python headers", "memory", "cores",
        "packages", "TensorFlow", "legacy Keras", "TFX", "trainer", "disk", "writable",
    ]  # fmt: skip
    for check in report["checks"]:
        assert check["status"] == "ok" or check["name"] not in ("platform", "Python", "TFX", "trainer")
        assert check["remedy"] or check["status"] != "fail"


@pytest.mark.parametrize("port", ["99999", "65536", "-1"])
def test_serve_on_a_port_out_of_range_ends_with_2(tmp_path: Path, port: str) -> None:
    ran = attempt("serve", "--model-base-path", tmp_path, f"--port={port}")
    assert ran.returncode == 2
    assert "--port" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("a", ["a"]),
        ("a, b,,c", ["a", "b", "c"]),
        ('"a,b"', ["a,b"]),
        ('c, "a,b",d', ["c", "a,b", "d"]),
        ('"a ""b"""', ['a "b"']),
        ('5" disk', ['5" disk']),
    ],
)
def test_ids_are_separated_by_commas_outside_quotes(text: str, ids: list[str]) -> None:
    assert _ids(text, "--history") == ids


@pytest.mark.parametrize("text", ['"a', '"a"b', "a\nb"])
def test_ids_with_wrong_quotes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="in double quotes"):
        _ids(text, "--history")


def test_recommend_with_wrong_quotes_ends_with_2() -> None:
    ran = attempt("recommend", "--history", '"a')
    assert ran.returncode == 2
    assert "--history" in ran.stderr
    assert "Traceback" not in ran.stderr
