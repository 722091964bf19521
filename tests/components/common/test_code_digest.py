"""The digest of code is part of TFX's cache key: a changed component must run again."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from components.common.code_digest import code_digest


@pytest.fixture
def package(tmp_path: Path) -> ModuleType:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "inner" / "b.py").write_text("y = 2\n")
    (tmp_path / "history.pbtxt").write_text("feature {}\n")
    module = ModuleType("package")
    module.__path__ = [str(tmp_path)]
    return module


def test_code_digest_hashes_names_and_contents_in_order(package: ModuleType) -> None:
    hashed = b"package/a.py\0x = 1\npackage/inner/b.py\0y = 2\n"

    assert code_digest(package) == hashlib.sha256(hashed).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.py").write_text("x = 1  # a comment\n"),
        lambda folder: (folder / "inner" / "b.py").write_text("y = 2\n\n"),
        lambda folder: (folder / "inner" / "c.py").write_text(""),
        lambda folder: (folder / "a.py").rename(folder / "b.py"),
        lambda folder: (folder / "a.py").unlink(),
    ],
    ids=["comment", "blank line", "new file", "new name", "removed file"],
)
def test_code_digest_changes_with_any_python_file(package: ModuleType, change: Callable[[Path], None]) -> None:
    before = code_digest(package)

    change(Path(package.__path__[0]))

    assert code_digest(package) != before


def test_code_digest_ignores_other_files(package: ModuleType) -> None:
    before = code_digest(package)

    (Path(package.__path__[0]) / "history.pbtxt").write_text("feature { name: 'new' }\n")

    assert code_digest(package) == before


def test_code_digest_depends_on_every_package(package: ModuleType, tmp_path: Path) -> None:
    other = ModuleType("other")
    other.__path__ = package.__path__

    assert len({code_digest(package), code_digest(other), code_digest(package, other)}) == 3
