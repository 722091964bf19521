"""What the documents say is so."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from benchmarks.tables import TABLES, measured, written
from schemas.config import Config
from schemas.interaction import Reason

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def settings(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The path of every setting that is a value."""
    for name, field in section.model_fields.items():
        nested = list(sections(field.annotation))
        many = "[]" if "tuple" in str(field.annotation) else ".name" if "dict" in str(field.annotation) else ""
        for part in nested:
            yield from settings(part, f"{prefix}{name}{many}.")
        if not nested:
            yield prefix + name


def sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from sections(argument)


def test_every_setting_is_documented_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", (REPOSITORY / "docs" / "configuration.md").read_text(), re.M)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(settings(Config))


def test_every_reason_for_rejection_is_documented() -> None:
    text = (REPOSITORY / "docs" / "data.md").read_text()
    assert all(f"`{reason.value}`" in text for reason in Reason)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_say_what_is_recorded(name: str) -> None:
    path, table = TABLES[name]
    document = (REPOSITORY / path).read_text()
    assert written(document, name, table() if name in measured() else "Not measured yet.") == document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
