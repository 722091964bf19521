"""docs/configuration.md and the JSON schema are written from the models."""

import json

from pipeline.commands.config_docs import DOCUMENT, END, START, config_schema, settings_tables, with_settings
from tests.e2e.command import temporec


def test_configuration_document_equals_the_generated_one() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert with_settings(document) == document, "run: python -m pipeline.commands.config_docs"


def test_with_settings_keeps_the_text_around_the_settings() -> None:
    written = with_settings(f"before\n{START}\nSTALE\n{END}\nafter\n")

    assert written.startswith(f"before\n{START}\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "STALE" not in written
    assert with_settings(written) == written


def rows() -> dict[str, list[str]]:
    cells = [line.strip("| ").split(" | ") for line in settings_tables().splitlines() if line.startswith("| `")]
    return {row[0]: row[1:3] for row in cells}


def test_settings_tables_show_defaults_and_allowed_values() -> None:
    table = rows()

    assert table["`name`"] == ["required", "text"]
    assert table["`data.delimiter`"] == ['`","`', "one character"]
    assert table["`data.quote`"] == ['`"\\""`', "one character or null"]
    assert table["`data.items.title`"] == ["required with `data.items`", "text"]
    assert table["`data.filters[].above`"] == ["none", "number"]
    assert table["`split.kind`"] == ["`leave_one_out`", "`leave_one_out`, `temporal`, `session`"]
    assert table["`split.test_share`"] == ["`0.1`", "number > 0 and < 1"]
    assert table["`model.dropout.hidden`"] == ["none", "number ≥ 0 and < 1"]
    assert table["`train.seed`"] == ["`1`", "integer ≥ 0 and < 4,294,967,296"]
    assert table["`train.profile`"] == ["none", "list of 2: integer ≥ 0"]
    assert table["`evaluate.gate.floors`"] == ["`{}`", "map: names to number"]


def test_settings_tables_link_to_documents_and_headings() -> None:
    tables = settings_tables()

    assert "docs/" not in tables
    assert "see [protocols.md](protocols.md)." in tables
    assert "See [protocols.md](protocols.md#slices)." in tables


def test_config_schema_command_prints_the_json_schema() -> None:
    assert json.loads(temporec("config", "schema")) == config_schema()
