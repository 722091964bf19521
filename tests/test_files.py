"""Every text file ends with one newline, every YAML file parses, and every file shows the same version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from pipeline.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
BINARY = (".png",)


def files() -> list[Path]:
    """The files of the clone, without those that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_every_text_file_ends_with_one_newline() -> None:
    texts = {path: path.read_bytes() for path in files() if path.suffix not in BINARY}
    wrong = [path for path, text in texts.items() if text and (not text.endswith(b"\n") or text.endswith(b"\n\n"))]

    assert len(texts) > 200
    assert wrong == []


def test_every_yaml_file_parses() -> None:
    read = [path for path in files() if path.suffix in (".yaml", ".yml", ".cff") and path.name != "mkdocs.yml"]

    assert len(read) > 5
    assert all(yaml.safe_load(path.read_text(encoding="utf-8")) for path in read)


def test_citation_and_changelog_show_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == VERSION
    assert "## [Unreleased]" in changelog
    assert f"## [{VERSION}]" in changelog
