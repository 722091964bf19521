"""The documentation site: its links, and the completeness of the API reference. `make docs` builds the site itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.hooks import PAGES, adapt_links

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("schemas", "serving", "trainer", "components", "pipeline")


@pytest.mark.parametrize(
    ("page", "link", "adapted"),
    [
        ("index.md", "[Data](docs/data.md#columns)", "[Data](data.md#columns)"),
        ("index.md", "![Report](docs/images/report.png)", "![Report](images/report.png)"),
        ("gate.md", "[Results](../README.md#results)", "[Results](index.md#results)"),
        ("gate.md", "[Data](data.md)", "[Data](data.md)"),
        ("gate.md", "[the code](../setup.py)", "the code"),
        ("reference/index.md", "[Contributing](../../CONTRIBUTING.md)", "[Contributing](../contributing.md)"),
        ("run-benchmarks.md", "[Gate](../docs/gate.md)", "[Gate](gate.md)"),
        ("gate.md", "[web](https://example.org/a.md)", "[web](https://example.org/a.md)"),
        ("gate.md", "[here](#below)", "[here](#below)"),
    ],
)
def test_link_is_adapted_to_the_site(page: str, link: str, adapted: str) -> None:
    assert adapt_links(link, page, lambda path: (ROOT / path).exists()) == adapted


def test_link_to_a_missing_file_is_kept_for_the_strict_build_to_report() -> None:
    link = "[gone](../missing.py)"

    assert adapt_links(link, "gate.md", lambda path: (ROOT / path).exists()) == link


def test_files_shown_as_pages_exist() -> None:
    assert [path for path in PAGES if not (ROOT / path).is_file()] == []


def test_reference_covers_every_module() -> None:
    pages = (ROOT / "docs/reference").glob("*.md")
    covered = {name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)}
    modules = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py"
    ]

    assert len(modules) > 80
    assert [name for name in modules if not any(f"{name}.".startswith(f"{part}.") for part in covered)] == []
