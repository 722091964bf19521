"""The documents agree with the code, the recorded results and each other."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from benchmarks.tables import TABLES, with_table
from components.example_gen.guesses.guess_times import DATES
from schemas.config import Config
from schemas.rejection import ImpressionRejection, RejectionReason

REPOSITORY = Path(__file__).parents[1]
GATE = (REPOSITORY / "docs" / "gate.md").read_text()
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "benchmarks", "examples")
    for path in (REPOSITORY / folder).glob("*.md" if folder == "." else "**/*.md")
)


def named(document: Path) -> str:
    """Return a document's path from the repository's root, as its test is called."""
    return str(document.relative_to(REPOSITORY))


def settings(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the path of every setting that holds a value."""
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


def test_configuration_document_has_exactly_the_settings() -> None:
    documented = re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", (REPOSITORY / "docs" / "configuration.md").read_text(), re.M)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(settings(Config))


def test_data_document_has_the_reasons_for_rejection() -> None:
    section = (REPOSITORY / "docs" / "data.md").read_text().split("## Accepted and rejected rows")[1].split("\n#")[0]
    documented = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", section, re.M)
    assert documented == [(reason.value, reason.description, reason.remedy) for reason in RejectionReason]


def test_impressions_document_has_the_reasons_for_rejection() -> None:
    section = (REPOSITORY / "docs" / "impressions.md").read_text().split("## Reading a log")[1].split("\n#")[0]
    documented = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", section, re.M)
    assert documented == [(reason.value, reason.description, reason.remedy) for reason in ImpressionRejection]


def test_data_document_has_every_date_that_init_knows() -> None:
    text = (REPOSITORY / "docs" / "data.md").read_text()
    assert all(f"`{date}`" in text for dates in DATES.values() for date in dates)


@pytest.mark.parametrize("name", TABLES)
def test_table_of_recorded_results_is_up_to_date(name: str) -> None:
    document = (REPOSITORY / TABLES[name].document).read_text()
    assert with_table(document, name) == document


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_printed_module_exists(document: Path) -> None:
    for module in re.findall(r"python3? -m ([\w.]+)", document.read_text()):
        assert find_spec(module), f"{document.name} runs {module}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name} links to {path}"
        if anchor:
            assert anchor in anchors(target), f"{document.name} links to {path}#{anchor}"


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub derives them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_link_to_a_missing_heading_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# What it `is`\n[b](b.md#costs-and-time)\n")
    (tmp_path / "b.md").write_text("```sh\n# costs and time\n```\n## Costs and time?\n[a](a.md#what-it-was)\n")
    test_link_leads_to_a_file_and_a_heading(tmp_path / "a.md")
    with pytest.raises(AssertionError, match=r"b\.md links to a\.md#what-it-was"):
        test_link_leads_to_a_file_and_a_heading(tmp_path / "b.md")


def check_ids() -> Iterator[str]:
    """Yield the id of each gate check in the code, without its parameter."""
    for path in (REPOSITORY / "components" / "gate").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and node.args
                and getattr(node.func, "id", "") in ("GateCheck", "check_limit")
            ):
                yield from re.findall(r"^f?['\"](\w+)", ast.unparse(node.args[0]))


def test_gate_document_has_every_check() -> None:
    found = set(check_ids())
    documented = re.findall(r"`(\w+)(?:\[[A-Z=]+\])?`", "".join(re.findall(r"^\| (`.*?) \|", GATE, re.M)))
    assert len(found) > 10
    assert found | {"no_regression"} == set(documented)


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_path_in_backticks_exists(name: str) -> None:
    paths = re.findall(r"`([\w./]+/[\w./]*)`", (REPOSITORY / name).read_text())
    assert len(paths) > 10
    assert not [path for path in paths if not (REPOSITORY / path).exists()]
