"""No sentence uses a phrase that docs/style.md rules out.

The phrases come from the table in docs/style.md. Checked are the prose of documents, configurations and templates, and
in Python the docstrings, comments, string literals and names of tests. Code in documents is not prose.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
STYLE = REPOSITORY / "docs" / "style.md"
EXEMPT = {STYLE, Path(__file__)}  # both quote what is ruled out
FOLDERS = ("schemas", "serving", "trainer", "components", "pipeline", "tests", "benchmarks", "examples", "docs", ".")
WRITTEN = (".py", ".md", ".yaml", ".yml", ".html", ".jinja", ".j2")


@dataclass(frozen=True)
class Rule:
    """A pattern that no sentence may match, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True)
class Prose:
    """A piece of text and the line on which it starts."""

    line: int
    text: str


NUMBERS = (
    Rule(re.compile(r"(?<![^\s(\[|/±~<>≤≥])\.\d+(?![\w.%])"), "a zero before the point: 0.234"),
    Rule(re.compile(r"(?<=[\d}]) %(?![\w({}]|\s*\d)"), "no space before the sign: 95%"),
    Rule(re.compile(r"\b\d+(?:ms|KB|MB|GB)\b(?! HBM)"), "a space before the unit: 39 ms"),
)


def phrase_rules() -> list[Rule]:
    """Return a rule for each phrase in the table of docs/style.md."""
    table = STYLE.read_text().split("## Phrases that are not used")[1]
    rows = re.findall(r"^\| (?!not \||---)(.+?) \| (.+?) \|$", table, re.M)
    return [
        Rule(re.compile(rf"(?<![\w.-]){re.escape(phrase)}(?![\w-])".replace(r"\ ", r"\s+"), re.I), instead)
        for phrases, instead in rows
        for phrase in phrases.split(", ")
    ]


RULES = [*phrase_rules(), *NUMBERS]


def python_prose(source: str) -> Iterator[Prose]:
    """Yield docstrings, comments, string literals and names of tests."""
    tree = ast.parse(source)
    specs = [node.format_spec for node in ast.walk(tree) if isinstance(node, ast.FormattedValue) and node.format_spec]
    texts = [text for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for text in node.values]
    # A format specification is not prose, and the text of an f-string is read as a whole.
    skipped = {id(part) for spec in specs for part in ast.walk(spec)} | {id(text) for text in texts}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            pieces = (part.value if isinstance(part, ast.Constant) else "0" for part in node.values)
            yield Prose(node.lineno, "".join(map(str, pieces)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Prose(node.lineno, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Prose(node.lineno, node.name.replace("_", " "))
    yield from comments(source)


def comments(source: str) -> Iterator[Prose]:
    """Yield comments, those on consecutive lines as one."""
    start, last, lines = 0, -1, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            if lines:
                yield Prose(start, "\n".join(lines))
            start, lines = token.start[0], []
        lines.append(token.string.lstrip("#: "))
        last = token.start[0]
    if lines:
        yield Prose(start, "\n".join(lines))


def document_prose(source: str) -> Iterator[Prose]:
    """Yield the document with code, links' targets and tags blanked, so that lines keep their numbers."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", "_", found[0])

    for code in (r"^(```|~~~).*?^\1", r"`[^`\n]+`", r"\]\([^)\s]*\)", r"<[^>]*>", r"\{%.*?%\}", r"^    .*$"):
        source = re.sub(code, blank, source, flags=re.M | re.S if code.startswith(("^(", "<", r"\{")) else re.M)
    yield Prose(1, source)


def configuration_prose(source: str) -> Iterator[Prose]:
    """Yield the comments of a YAML file."""
    for number, line in enumerate(source.splitlines(), start=1):
        if comment := re.search(r"(?:^|\s)#(.*)", line):
            yield Prose(number, comment[1])


def offences(path: Path) -> list[str]:
    """Return a line for each phrase in the file that is ruled out: where, which, and what to write instead."""
    source = path.read_text()
    read = {".py": python_prose, ".yaml": configuration_prose, ".yml": configuration_prose}
    return [
        f"{path.relative_to(REPOSITORY)}:{prose.line + prose.text[: match.start()].count(chr(10))}: "
        f"'{' '.join(match[0].split())}'; write: {rule.instead}"
        for prose in read.get(path.suffix, document_prose)(source)
        for rule in RULES
        for match in rule.pattern.finditer(prose.text)
    ]


def written_files(folder: str) -> list[Path]:
    """Return the files of a folder that hold sentences; of the repository's own folder, only those directly in it."""
    found = (REPOSITORY / folder).glob("*" if folder == "." else "**/*")
    return sorted(path for path in found if path.suffix in WRITTEN and path.is_file() and path not in EXEMPT)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_ruled_out_phrase_in(folder: str) -> None:
    found = [offence for path in written_files(folder) for offence in offences(path)]
    if found:
        pytest.fail("see docs/style.md:\n" + "\n".join(found), pytrace=False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('def f():\n    """Do all,\n    but\n    for one."""\n', ["x.py:3: 'but for'"]),
        ("a = 1\n# Nothing is\n# to be done.\n", ["x.py:2: 'is to be'"]),
        ('raise ValueError(f"{share} % of {x:.1%}")\n', ["x.py:1: '%'"]),
        ("def test_two_kinds_are_alike(): ...\n", ["x.py:1: 'alike'"]),
        ('print("Beside it, .25 of it")\n', ["x.py:1: 'Beside'", "x.py:1: '.25'"]),
        ("beside = {'.5f': 10 % 3, 'a.beside': '%.2f', 'b': '10 %d'}  # 0.25 of 95%, in 3 ms\n", []),
    ],
)
def test_python_prose_is_searched_and_code_is_not(
    source: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_style.REPOSITORY", tmp_path)
    path = tmp_path / "x.py"
    path.write_text(source)
    assert [offence.split("; write")[0] for offence in offences(path)] == expected


def test_document_code_is_not_prose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_style.REPOSITORY", tmp_path)
    path = tmp_path / "x.md"
    path.write_text("A\n```sh\nbeside\n```\n`alike` in [a](beside.md)\n\n    mend\n\nIt is\ntold .5 of it.\n")
    assert [offence.split("; write")[0] for offence in offences(path)] == ["x.md:9: 'is told'", "x.md:10: '.5'"]
