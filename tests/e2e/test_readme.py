"""The README's commands, as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
THIS = "make test"  # the command that runs this test


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def succeed(command: str) -> str:
    ran = subprocess.run(shlex.split(command), cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.timeout(1200)
def test_commands_do_what_they_say() -> None:
    demo, serve, recommend = (command for command in commands() if command != THIS)
    said = succeed(demo)
    for expected in ("rows read", "95 % between", "best baseline", "Gate: blessed", "Pushed:", "Report:"):
        assert expected in said
    with subprocess.Popen(shlex.split(serve), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert "serves version" in server.stdout.readline()
            assert "recommended next" in succeed(recommend)
        finally:
            server.terminate()
