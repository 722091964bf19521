"""Tables in the terminal, also with texts of the log that look like markup."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console, RenderableType

from components.evaluator.comparison import EvaluatedModel, compare
from pipeline.commands.compare import tables
from pipeline.display.tables import (
    answer_table,
    data_table,
    impressions_table,
    metrics_table,
    recommendation_table,
    summary_table,
    verdict_lines,
)
from tests.components.evaluated import EVALUATION, results

MARKUP = "Alien [/b] [director's cut]"
PROTOCOL = {
    "examples": 943,
    "users": 943,
    "items": 1682,
    "candidates": "full",
    "seen_items": "removed",
    "reads": ["order"],
}


def shown(what: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(what)
    return file.getvalue()


def rows(what: RenderableType) -> dict[str, list[str]]:
    """Return the other cells of each row, by its first cell. The header has an empty first cell."""
    cells = [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in shown(what).splitlines()]
    return {first: others for first, *others in filter(None, cells)}


def record(metric: str = "recall@10", **metrics: Any) -> dict[str, Any]:
    """Return the parts of a run's record that the tables read."""
    measured: dict[str, Any] = {
        "test": {
            "recall@10": 0.25,
            "ndcg@10": 0.125,
            "coverage@10": 0.5,
            "mrr@20": 0.1,
            "recall@20": 0.4,
            "ndcg@20": 0.15,
            "coverage@20": 0.6,
            "auc": 0.75,
        },
        "intervals": {"recall@10": [0.2, 0.3]},
        "previous": None,
        "baselines": {
            "popularity": {"recall@10": 0.0625, "ndcg@10": 0.03, "coverage@10": 0.01, "mrr@20": 0.05},
            "markov_two_back": {"recall@10": 0.2, "ndcg@10": 0.1, "coverage@10": 0.75, "mrr@20": 0.04},
        },
    }
    return {
        "config": {"evaluate": {"ks": [5, 10, 20], "gate": {"metric": metric}}},
        "protocol": PROTOCOL,
        "metrics": measured | metrics,
    }


def test_summary_shows_the_model_the_last_model_and_the_best_baseline() -> None:
    previous = {"recall@10": 0.24, "ndcg@10": 0.12}
    assert rows(summary_table(record(previous=previous))) == {
        "": ["model", "95% interval", "served model", "best baseline, markov two back"],
        "recall@10": ["0.2500", "0.2000 to 0.3000", "0.2400", "0.2000"],
        "ndcg@10": ["0.1250", "", "0.1200", "0.1000"],
        "coverage@10": ["0.5000", "", "", "0.7500"],
    }
    assert rows(summary_table(record()))[""] == ["model", "95% interval", "best baseline, markov two back"]


def test_summary_starts_with_the_metric_of_the_gate() -> None:
    found = rows(summary_table(record("mrr@20")))
    assert list(found) == ["", "mrr@20", "recall@20", "ndcg@20", "coverage@20"]
    assert found[""][-1] == "best baseline, popularity"  # by this metric
    assert found["mrr@20"] == ["0.1000", "", "0.0500"]
    of_ranking = rows(summary_table(record("auc")))  # which no baseline has
    assert of_ranking[""] == ["model", "95% interval"]
    assert of_ranking["auc"] == ["0.7500", ""]
    assert list(of_ranking) == ["", "auc", "recall@10", "ndcg@10", "coverage@10"]


def test_metrics_table_shows_the_configured_metrics() -> None:
    orders = {"retrieval": {"recall@20": 0.3, "coverage@20": 0.7}}
    metrics = {**record()["metrics"], "orders": orders}

    found = rows(metrics_table(metrics, PROTOCOL, "mrr@20", [5, 20]))

    assert found[""] == ["mrr@20", "recall@20", "ndcg@20", "coverage@20"]
    assert found["model"] == ["0.1000", "0.4000", "0.1500", "0.6000"]
    assert found["retrieval only"] == ["", "0.3000", "", "0.7000"]
    assert found["popularity"] == ["0.0500", "", "", ""]


def test_metrics_table_of_a_metric_without_a_length_uses_the_middle_length() -> None:
    metrics = {**record()["metrics"], "orders": {"retrieval": {}}}

    found = rows(metrics_table(metrics, PROTOCOL, "auc", [5, 10, 20]))

    assert found[""] == ["auc", "recall@10", "ndcg@10", "coverage@10"]
    assert found["model, 95% interval"] == ["", "0.2000 to 0.3000", "", ""]


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
def test_text_of_the_log_that_looks_like_markup_is_shown_unchanged(what: RenderableType) -> None:
    assert MARKUP in shown(what)


@pytest.mark.parametrize(
    ("previous", "line"),
    [(None, "Pushed: nothing"), ({"recall@10": 0.2}, "Pushed: nothing; the served model does not change")],
)
def test_verdict_of_a_refused_model_says_whether_another_is_served(previous: object, line: str) -> None:
    refused = {"gate": {"blessed": False, "checks": []}, "pushed": None, "metrics": {"previous": previous}}
    assert shown(list(verdict_lines(refused))[-1]).strip() == line


def test_group_name_that_looks_like_markup_is_shown_unchanged() -> None:
    check = {
        "id": f"no_regression[genres={MARKUP}]",
        "title": f"no regression in genres {MARKUP}",
        "measured": "-1",
        "required": "0",
        "passed": False,
    }
    refused = {"gate": {"blessed": False, "checks": [check]}, "pushed": None, "metrics": {"previous": None}}
    assert MARKUP in "".join(map(shown, verdict_lines(refused)))

    of_many = results(
        {"model": {"recall@10": [1.0] * 30}},
        groups={"genre": [[MARKUP]] * 30},
        users=[f"{MARKUP} {n}" for n in range(30)],
    )
    side = EvaluatedModel(of_many, np.array(["a"], dtype=object))
    text = "".join(map(shown, tables(compare(side, side, EVALUATION, "recall@10", 10), "recall@10", 10)))
    assert f"genre {MARKUP}" in text
    assert f"{MARKUP} 0" in text


def test_data_table_shows_the_spans_and_their_late_rows() -> None:
    data: dict[str, Any] = {
        "spans": ["2026-11-01", "2026-11-02"],
        "late_rows": {"2026-11-01": 0, "2026-11-02": 1_234},
        **dict.fromkeys(("rows_read", "rows_accepted", "users", "items"), 5_000),
        **{key: {} for key in ("rows_rejected", "rows_filtered", "rows_left_out", "tables", "examples", "test_users")},
        "users_not_in_table": 0,
    }
    found = rows(data_table(data))
    assert found["spans: 2026-11-01 to 2026-11-02"] == ["2"]
    assert found["late rows of span 2026-11-02"] == ["1,234"]
    assert rows(data_table({**data, "spans": ["7"], "late_rows": {}}))["span: 7"] == ["1"]
    assert "span" not in "".join(rows(data_table({**data, "spans": [], "late_rows": {}})))


def test_data_table_shows_what_each_filter_rejects() -> None:
    data = {
        "spans": [],
        "late_rows": {},
        "rows_read": 2_000,
        "rows_accepted": 500,
        "rows_rejected": {"filtered": 1_500},
        "rows_filtered": {r"code matches [a-z]{5}[/b]": 1_500, "price above 0": 0},
        "rows_left_out": {},
        "users": 1,
        "users_not_in_table": 0,
        "items": 1,
        "tables": {},
        "examples": {},
        "test_users": {},
    }

    found = rows(data_table(data))

    assert found["filtered: code matches [a-z]{5}[/b]"] == ["1,500"]
    assert found["filtered: price above 0"] == ["0"]


def test_data_table_shows_what_the_log_and_the_table_of_items_lack() -> None:
    counts = {"rows_accepted": 3, "rows_merged": 1, "rows_rejected": {"bad_vector": 2}, "missing": {"title": 1}}
    of_items = {**counts, "cut": {"abstract": 4}, "not_in_table": 5, "interactions_not_in_table": 7, "not_in_log": 6}
    log: dict[str, Any] = dict.fromkeys(("rows_read", "rows_accepted", "users", "items"), 10)
    none: dict[str, Any] = {
        name: {} for name in ("late_rows", "rows_rejected", "rows_filtered", "rows_left_out", "examples")
    }
    missing = {"users_not_in_table": 0, "spans": [], "test_users": {}}

    shown_rows = rows(data_table({**log, **none, **missing, "tables": {}, "item_table": of_items}))

    expected = {
        "items table, rejected: bad_vector": ["2"],
        "items table, accepted": ["3"],
        "items table, merged: equal rows": ["1"],
        "items table, without a title": ["1"],
        "items table, cut: abstract": ["4"],
        "items of the log missing from the items table": ["5"],
        "interactions with items missing from the items table": ["7"],
        "items of the items table missing from the log": ["6"],
    }
    assert {name: cells for name, cells in shown_rows.items() if "items table" in name} == expected


IMPRESSIONS: dict[str, Any] = {
    "impressions": 1234,
    "users": 567,
    "systems": {
        "model": {"auc": [0.625, 0.5, 0.75], "mrr": [0.25, 0.125, 0.375]},
        "recent_popularity": {"auc": [0.5, 0.4, 0.6], "mrr": [None, None, None]},
    },
    "above_popularity": {"auc": [0.125, 0.0625, 0.25], "mrr": [0.1, None, None]},
}


def test_impressions_table_shows_means_and_the_difference_from_popularity() -> None:
    table = impressions_table(IMPRESSIONS)

    assert str(table.title) == "Shown items: 1,234 test impressions of 567 users"
    assert rows(table) == {
        "": ["auc", "mrr"],
        "model": ["0.6250", "0.2500"],
        "recent popularity": ["0.5000", ""],
        "model, 95% interval": ["0.5000 to 0.7500", "0.1250 to 0.3750"],
        "model minus popularity, 95% interval": ["0.0625 to 0.2500", ""],
    }


def test_data_table_shows_impressions_by_split_and_reason() -> None:
    log: dict[str, Any] = dict.fromkeys(("rows_read", "rows_accepted", "users", "items"), 10)
    none: dict[str, Any] = {
        name: {} for name in ("late_rows", "rows_rejected", "rows_filtered", "rows_left_out", "examples", "tables")
    }
    missing = {"users_not_in_table": 0, "spans": [], "test_users": {}}
    impressions = {
        "rows_rejected": {"bad_list": 2},
        "impressions": {"train": 3, "eval": 4, "test": 5},
        "test_without_history": 1,
        "items_not_in_log": 6,
    }

    found = rows(data_table({**log, **none, **missing, "impressions": impressions}))

    assert {name: cells for name, cells in found.items() if "impressions" in name} == {
        "impressions, rejected: bad_list": ["2"],
        "train impressions": ["3"],
        "eval impressions": ["4"],
        "test impressions": ["5"],
        "test impressions without a history": ["1"],
        "items of the impressions missing from the log": ["6"],
    }
