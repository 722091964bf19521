"""Rules of the tree: rooms and sub-packages in one direction, frameworks in the rooms that own them, short files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("schemas", "serving", "trainer", "components", "pipeline")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# Inside a folder a sub-package imports only from those that are named with it here.
SUB_PACKAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "serving": {"export": (), "server": ("export",)},
    "trainer": {
        "compat": (),
        "metrics": (),
        "baselines": ("metrics",),
        "data": (),
        "network": ("baselines", "data", "metrics"),
        "training": ("compat", "data", "network", "metrics"),
        "run_fn": ("baselines", "data", "network", "training"),
    },
    "components": {
        "common": (),
        "example_gen": ("common",),
        "item_table": ("common", "example_gen"),
        "sentence_vectors": ("common",),
        "impressions": ("common", "example_gen"),
        "schema_gen": ("common",),
        "data_validator": ("common", "example_gen"),
        "transform": ("common",),
        "baselines": ("common",),
        "evaluator": ("common", "baselines"),
        "impression_evaluator": ("common", "impressions", "baselines", "evaluator"),
        "gate": ("common", "baselines", "evaluator"),
        "refit": ("common", "baselines", "gate"),
        "trainer": ("common",),
        "served_model": ("common",),
        "pusher": ("common",),
    },
    "components.example_gen": {
        "values": (),
        "sources": ("values",),
        "validation": ("values", "sources"),
        "interactions": (),
        "counts": ("sources", "validation", "interactions"),
        "tables": ("values", "sources", "validation", "interactions", "counts"),
        "cleaning": ("sources", "interactions", "counts"),
        "examples": ("interactions", "counts", "tables", "cleaning"),
        "guesses": ("values", "sources", "validation"),
    },
}

_FLOW = ("components", "pipeline")
OWNERS = {
    "apache_beam": _FLOW,
    "grpc": ("serving", "pipeline/runners/job_server.py"),
    "grpc_health": ("serving",),
    "jinja2": ("pipeline",),
    "kfp": ("pipeline",),
    "kfp_server_api": ("pipeline",),
    "markupsafe": ("pipeline",),
    "ml_metadata": _FLOW,
    "plotly": ("pipeline",),
    "pyarrow": (
        "schemas",
        "trainer/baselines/read_popularity.py",
        "trainer/data/impressions.py",
        "trainer/data/item_content.py",
        *_FLOW,
    ),
    "pydantic": ("schemas", "pipeline"),
    "requests": _FLOW,
    "rich": ("pipeline",),
    "tensorboard": ("trainer", "pipeline"),
    "tensorflow": ("serving", "trainer", *_FLOW),
    "tensorflow_data_validation": _FLOW,
    "tensorflow_metadata": _FLOW,
    "tensorflow_model_analysis": _FLOW,
    "tensorflow_recommenders": ("trainer",),
    "tensorflow_serving": ("serving",),
    "tensorflow_transform": (*_FLOW, "trainer/run_fn.py"),
    "tfx": _FLOW,
    "tfx_bsl": _FLOW,
    "typer": ("pipeline",),
    "wandb": ("trainer/training/callbacks/wandb.py",),
    "yaml": ("schemas", "pipeline"),
}
HEAVY = ("apache_beam", "jinja2", "kfp", "plotly", "pyarrow", "tensorflow", "tensorflow_transform", "tfx")


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.level or not node.module):
            yield "(relative)"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(root: Path) -> list[str]:
    """Return the imports that break a rule in the rooms under `root`, and the files and functions that are too long."""
    found: list[str] = []
    for path in sorted(path for room in (*ROOMS, "tests") for path in (root / room).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            found.append(f"{file}: {lines} lines")
        if not file.startswith("tests/"):
            found += [f"{file}: {name} has {count} lines" for name, count in long_functions(path)]
            found += [f"{file}: imports {name}, {reason}" for name in imports(path) if (reason := _against(file, name))]
    return found


def long_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a file that are too long, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield node.name, lines


def public_classes(root: Path) -> dict[str, list[str]]:
    """Return each public class name under `root` with the files that define it."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.relative_to(root).as_posix())
    return found


def _against(file: str, name: str) -> str | None:
    """Return why a file must not import a name; None where it may."""
    room, top = Path(file).parts[0], _top(name)
    later_room = top in ROOMS and ROOMS.index(top) > ROOMS.index(room)
    owners = OWNERS.get(top, (room,))
    before_installation = file.startswith("pipeline/install/") and not _before_installation(name)
    reasons = {
        "write the room's name": top == "(relative)",
        "a test": top == "tests",
        "a room that comes after its own": later_room,
        "a sub-package that is not before its own": not _in_order(file, name),
        f"which only {', '.join(owners)} may": room not in owners and file not in owners,
        "but runs before anything is installed": before_installation,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _in_order(file: str, name: str) -> bool:
    """Return whether a file may import a name by the orders of all folders that hold both."""
    own, other = file.removesuffix(".py").split("/"), name.split(".")
    for folder, order in SUB_PACKAGES.items():
        parents = folder.split(".")
        depth = len(parents)
        if own[:depth] == parents == other[:depth]:
            package, imported = own[depth], other[depth]
            if package in order and imported != package and imported not in order[package]:
                return False
    return True


def _before_installation(name: str) -> bool:
    own = ("pipeline.install.", "pipeline.atomic_file.", "pipeline.version.", "schemas.errors.")
    return name.startswith(own) or _top(name) in sys.stdlib_module_names


def _top(name: str) -> str:
    return name.partition(".")[0]


def test_imports_and_lengths_keep_the_rules() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("schemas/bad.py", "import tensorflow as tf"),
        ("schemas/bad.py", "from serving.index import INDEXES"),
        ("serving/bad.py", "from trainer import model"),
        ("serving/export/bad.py", "from serving.server.client import Client"),
        ("trainer/metrics/bad.py", "from trainer.network import model"),
        ("components/baselines/bad.py", "from components.evaluator.systems import System"),
        ("components/pusher/bad.py", "from components import gate"),
        ("components/example_gen/sources/bad.py", "from components.example_gen.validation import rows"),
        ("components/example_gen/guesses/bad.py", "from components.example_gen import ingest"),
        ("components/gate/long_function.py", "def f():\n" + "    x = 0\n" * 60),
        ("serving/bad.py", "import apache_beam as beam"),
        ("trainer/bad.py", "import tensorflow_transform as tft"),
        ("trainer/bad.py", "def run():\n    import tfx.v1"),
        ("trainer/bad.py", "import pipeline.cli"),
        ("components/bad.py", "import grpc"),
        ("components/bad.py", "from rich.table import Table"),
        ("components/deep/bad.py", "import kfp"),
        ("pipeline/bad.py", "import grpc"),
        ("pipeline/bad.py", "from . import cli"),
        ("pipeline/bad.py", "from tests.e2e import log"),
        ("pipeline/install/bootstrap.py", "import rich"),
        ("pipeline/install/dependency_sets.py", "from pipeline.commands.doctor import diagnose"),
        ("pipeline/install/dependency_sets.py", "from pipeline.commands import doctor"),
        ("pipeline/install/dependency_sets.py", "from schemas.config import Config"),
        ("trainer/long.py", "x = 0\n" * 401),
        ("tests/test_long.py", "x = 0\n" * 401),
    ],
)
def test_violation_of_a_rule_is_found(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")

    (found,) = violations(tmp_path)

    assert found.startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("schemas/good.py", "import pyarrow as pa"),
        ("trainer/run_fn.py", "import tensorflow_transform as tft"),
        ("components/good.py", "import apache_beam\nfrom trainer.metrics import ranks\nfrom schemas import features"),
        (
            "pipeline/install/bootstrap.py",
            "import os\nfrom pipeline.install import dependency_sets\n"
            "from pipeline.atomic_file import write_atomically\nfrom schemas.errors import InputError",
        ),
        ("serving/good.py", "import grpc\nimport numpy as np\n" + "x = 0\n" * 398),
    ],
)
def test_allowed_import_is_accepted(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")

    assert violations(tmp_path) == []


def test_public_class_names_are_defined_once() -> None:
    assert {name: files for name, files in public_classes(ROOT).items() if len(files) > 1} == {}


def test_public_class_name_defined_twice_is_found(tmp_path: Path) -> None:
    for file in ("schemas/a.py", "trainer/deep/b.py"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("class Twice:\n    class _Own:\n        pass\n", encoding="utf-8")

    assert public_classes(tmp_path) == {"Twice": ["schemas/a.py", "trainer/deep/b.py"]}


def test_command_line_help_loads_no_framework() -> None:
    code = f"import sys, pipeline.cli; print([name for name in {HEAVY} if name in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)

    assert ran.stdout.strip() == "[]"


def test_configuration_error_loads_no_framework(tmp_path: Path) -> None:
    arguments = {"validate": [], "run": [], "evaluate": ["--model", str(tmp_path)]}
    code = f"""
import sys
from schemas.errors import InputError
from pipeline.cli import app
for command, options in {arguments}.items():
    try:
        app([command, "--config", "none.yaml", *options], standalone_mode=False)
    except InputError:
        print([name for name in {HEAVY} if name in sys.modules])
"""

    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)

    assert ran.stdout.split() == ["[]"] * len(arguments)
