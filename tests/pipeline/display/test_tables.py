"""What a person sees, of logs whose texts look like something else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console, RenderableType

from components.evaluator.comparison import EvaluatedModel, compare
from pipeline.commands.compare import tables
from pipeline.display.tables import answer_table, recommendation_table, summary_table, verdict_lines
from tests.components.evaluated import EVALUATION, results

MARKUP = "Alien [/b] [director's cut]"
PROTOCOL = {"examples": 943, "users": 943, "items": 1682, "seen_items": "removed", "reads": ["order"]}


def shown(what: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(what)
    return file.getvalue()


def rows(what: RenderableType) -> dict[str, list[str]]:
    """The cells of each row of a table, by the first of them; its head is the one without any."""
    cells = [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in shown(what).splitlines()]
    return {first: others for first, *others in filter(None, cells)}


def record(metric: str = "recall@10", **metrics: Any) -> dict[str, Any]:
    """What a summary reads of a run."""
    measured: dict[str, Any] = {
        "test": {"recall@10": 0.25, "ndcg@10": 0.125, "coverage@10": 0.5, "mrr@20": 0.1, "auc": 0.75},
        "intervals": {"recall@10": [0.2, 0.3]},
        "previous": None,
        "baselines": {
            "popularity": {"recall@10": 0.0625, "ndcg@10": 0.03, "coverage@10": 0.01, "mrr@20": 0.05},
            "markov_two_back": {"recall@10": 0.2, "ndcg@10": 0.1, "coverage@10": 0.75, "mrr@20": 0.04},
        },
    }
    return {
        "config": {"evaluate": {"gate": {"metric": metric}}},
        "protocol": PROTOCOL,
        "metrics": measured | metrics,
    }


def test_a_summary_is_the_model_beside_the_last_one_and_the_best_baseline() -> None:
    previous = {"recall@10": 0.24, "ndcg@10": 0.12}
    assert rows(summary_table(record(previous=previous))) == {
        "": ["model", "95 % between", "last blessed model", "best baseline, markov two back"],
        "recall@10": ["0.2500", "0.2000 and 0.3000", "0.2400", "0.2000"],
        "ndcg@10": ["0.1250", "", "0.1200", "0.1000"],
        "coverage@10": ["0.5000", "", "", "0.7500"],
    }
    assert rows(summary_table(record()))[""] == ["model", "95 % between", "best baseline, markov two back"]


def test_a_summary_has_the_metric_that_the_gate_goes_by() -> None:
    found = rows(summary_table(record("mrr@20")))
    assert list(found) == ["", "mrr@20", "recall@10", "ndcg@10", "coverage@10"]
    assert found[""][-1] == "best baseline, popularity"  # by this metric
    assert found["mrr@20"] == ["0.1000", "", "0.0500"]
    of_ranking = rows(summary_table(record("auc")))  # which no baseline has
    assert of_ranking[""] == ["model", "95 % between"]
    assert of_ranking["auc"] == ["0.7500", ""]


@pytest.mark.parametrize(
    "what",
    [
        recommendation_table(MARKUP, ["a"], [("b", 1.0)]),
        recommendation_table("u", [MARKUP], [("b", 1.0)]),
        recommendation_table("u", ["a"], [(MARKUP, 1.0)]),
        answer_table([MARKUP], [1.0], False, {}),
        answer_table(["a"], [1.0], False, {"a": MARKUP}),
    ],
)
def test_a_text_of_the_log_is_shown_as_it_stands_there(what: RenderableType) -> None:
    assert MARKUP in shown(what)


def test_a_group_s_name_is_shown_as_it_stands_there() -> None:
    check = {
        "id": f"no_regression[genres={MARKUP}]",
        "title": f"no regression in genres {MARKUP}",
        "measured": "-1",
        "required": "0",
        "passed": False,
    }
    lines = verdict_lines({"gate": {"blessed": False, "checks": [check]}, "pushed": None})
    assert MARKUP in "".join(map(shown, lines))

    of_many = results(
        {"model": {"recall@10": [1.0] * 30}},
        groups={"genre": [[MARKUP]] * 30},
        users=[f"{MARKUP} {n}" for n in range(30)],
    )
    side = EvaluatedModel(of_many, np.array(["a"], dtype=object))
    text = "".join(map(shown, tables(compare(side, side, EVALUATION, "recall@10", 10), "recall@10", 10)))
    assert f"genre {MARKUP}" in text
    assert f"{MARKUP} 0" in text
