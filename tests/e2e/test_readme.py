"""The README's commands and its Python, run as they are printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from schemas.config import Config

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
THIS = "make test"  # the command that runs this test


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def run(command: list[str]) -> str:
    """Run a command that must succeed, and return what it prints."""
    ran = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def test_yaml_is_a_valid_configuration() -> None:
    (text,) = blocks("yaml")
    assert Config.model_validate(yaml.safe_load(text)).name == "my-shop"


@pytest.mark.timeout(1200)
def test_commands_and_python_do_what_the_text_says() -> None:
    demo, serve, recommend = (line for block in blocks("sh") for line in block.splitlines() if line != THIS)
    (python,) = blocks("python")
    printed = run(shlex.split(demo))
    for expected in ("rows read", "95% interval", "best baseline", "Gate: blessed", "Pushed:", "Report:"):
        assert expected in printed
    with subprocess.Popen(shlex.split(serve), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert "serves version" in server.stdout.readline()
            assert "recommended next" in run(shlex.split(recommend))
            assert len(re.findall(r"'\d+'", run([sys.executable, "-c", python]))) == 5
        finally:
            server.terminate()
