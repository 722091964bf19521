"""docs/your-own-log.md: its commands exist, its configuration is the shipped one, and its first output is real."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from docs.your_own_log import DOCUMENT, blocks, rewrite
from pipeline.cli import app
from schemas.config import Config
from schemas.loading import load_config

REPOSITORY = Path(__file__).parents[1]
LOG = REPOSITORY.parent / "shared" / "data" / "online-retail" / "invoices.csv.gz"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_block_of_commands_has_its_output() -> None:
    found = list(blocks(TEXT))
    assert sum(block["commands"] is not None for block in found) == TEXT.count("```sh\n") > 8
    assert all(block["output"] for block in found if block["commands"])


def test_commands_and_options_of_temporec_exist() -> None:
    commands = typer.main.get_command(app)
    printed = "".join(block["commands"] or "" for block in blocks(TEXT))
    used = re.findall(r"^temporec (\w+) (.*)$", printed, re.M)
    assert [name for name, _ in used] == ["init", "validate", "validate", "run", "serve", "recommend"]
    for name, arguments in used:
        command = commands.commands[name]  # type: ignore[attr-defined]
        command.make_context(name, shlex.split(arguments))  # raises for an unknown option


def test_configuration_is_the_shipped_one_with_titles() -> None:
    (content,) = (block["content"] for block in blocks(TEXT) if block["file"])
    configured = Config.model_validate(yaml.safe_load(content))
    shipped = load_config(REPOSITORY / "pipeline" / "configs" / "online-retail.yaml")
    assert configured.data.items is not None
    assert configured.model_copy(update={"data": configured.data.model_copy(update={"items": None})}) == shipped


@pytest.mark.skipif(not LOG.exists(), reason="needs ../shared/data/online-retail")
def test_guesses_are_printed_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "data" / "online-retail").mkdir(parents=True)
    (tmp_path / "data" / "online-retail" / LOG.name).symlink_to(LOG)
    beginning = TEXT[: TEXT.index("## 2. Validate")]
    assert rewrite(beginning, tmp_path) == beginning
