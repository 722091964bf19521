"""The scripts in examples/, run as their docstrings say. One run of the pipeline serves all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
LONGEST = 60  # lines of an example


@dataclass(frozen=True)
class Example:
    """A finished run of an example."""

    root: Path
    output: str


def run_example(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def own_log(tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("example")
    return Example(folder / "root", run_example("own_log.py", folder))


def test_own_log_answers_with_the_planted_successor(own_log: Example) -> None:
    assert "Gate: blessed" in own_log.output
    assert own_log.output.splitlines()[-1].startswith("after p0, p7, p14: p21, ")


def test_own_baseline_is_measured_like_the_shipped_ones(own_log: Example) -> None:
    lines = run_example("own_baseline.py", own_log.root).splitlines()
    printed = {name: (float(recall), float(ndcg)) for name, _, recall, _, ndcg in map(str.split, lines)}
    recorded = json.loads((own_log.root / "run.json").read_text())["metrics"]["baselines"]
    expected = {name: (round(found["recall@10"], 4), round(found["ndcg@10"], 4)) for name, found in recorded.items()}
    assert printed.pop("last_item_knn")[0] > expected["popularity"][0]
    assert printed == expected


def test_compare_queries_prints_the_difference_of_the_means(own_log: Example) -> None:
    output = run_example("compare_queries.py", own_log.root, "popularity")
    metrics = json.loads((own_log.root / "run.json").read_text())["metrics"]
    expected = metrics["test"]["ndcg@10"] - metrics["baselines"]["popularity"]["ndcg@10"]
    found = re.match(r"ndcg@10, model minus popularity: (\S+), 95% between (\S+) and (\S+)", output)
    assert found
    mean, low, high = map(float, found.groups())
    assert mean == pytest.approx(expected, abs=1e-4)
    assert low < mean < high
    assert "target_popularity tail" in output


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_example_is_short_and_says_how_it_is_run(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < LONGEST
    assert f"examples/{path.name} " in text.split('"""')[1]
