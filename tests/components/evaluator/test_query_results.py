"""Query results, from measured batches to Parquet files and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.evaluator.queries import Queries
from components.evaluator.query_metrics import Recommendations, measure, metric_names, schema, to_table
from components.evaluator.query_results import Results, read_results
from components.evaluator.summary import read_summary, summarize, write_summary
from schemas.config.evaluation import EvaluatorConfig
from schemas.errors import InputError
from tests.components.evaluated import results
from tests.trainer.lists import catalogue

KS = (1, 3)
ITEMS = catalogue({"a": 8, "b": 4, "c": 2, "d": 0})
EVALUATION = EvaluatorConfig(
    ks=KS, slices=(), fairness=("sex",), bootstrap_samples=200, times=True, remove_seen=True, categories=()
)


def batch(users: list[str], targets: list[list[str]], ranked: list[list[str]], auc: list[float]) -> tuple[object, ...]:
    count = len(users)
    queries = Queries(
        users=np.array(users, dtype=object),
        histories=[["d"]] * count,
        excluded=[["b"]] * count,
        targets=targets,
        times_s=np.arange(count),
        train_interactions=np.ones(count, np.int64),
        columns={},
    )
    groups = {"sex": [["f"] if user < "m" else ["m"] for user in users]}
    answers = {
        "model": Recommendations(np.array(ranked, dtype=object), np.array(auc)),
        "popularity": Recommendations(np.array([["a", "b", "c"]] * count, dtype=object)),
    }
    return queries, groups, answers


@pytest.fixture
def found(tmp_path: Path) -> Results:
    """Five queries in two files, the later users first."""
    parts = (
        batch(["x", "z"], [["a"], ["c"]], [["a", "c", ""], ["b", "a", "c"]], [1.0, np.nan]),
        batch(
            ["b", "a", "a"],
            [["c"], ["a", "c"], []],
            [["d", "b", "a"], ["a", "b", "c"], ["a", "b", "c"]],
            [0.5, 0.25, 0],
        ),
    )
    for number, (queries, groups, answers) in enumerate(parts):
        table = to_table(measure(queries, groups, answers, ITEMS, KS), KS)  # type: ignore[arg-type]
        pq.write_table(table.cast(schema(["model", "popularity"], ["sex"], KS)), tmp_path / f"part-{number}.parquet")
    return read_results(str(tmp_path))


def test_read_results_orders_queries_by_user_and_time(found: Results) -> None:
    assert found.user_ids.tolist() == ["a", "a", "b", "x", "z"]
    assert found.users.tolist() == [0, 0, 1, 2, 3]
    assert found.targets() == [["a", "c"], [], ["c"], ["a"], ["c"]]
    assert found.lists("model") == [["a", "b", "c"], ["a", "b", "c"], ["d", "b", "a"], ["a", "c"], ["b", "a", "c"]]
    assert found.systems == ["model", "popularity"]
    assert found.metrics == metric_names(KS)


def test_values_equal_those_of_the_metrics(found: Results) -> None:
    assert found.values("model", "recall@1").tolist() == pytest.approx([1 / 2, np.nan, 0, 1, 0], nan_ok=True)
    assert found.values("model", "recall@3").tolist() == pytest.approx([1, np.nan, 0, 1, 1], nan_ok=True)
    assert found.values("popularity", "mrr@3").tolist() == pytest.approx([1, np.nan, 1 / 3, 1, 1 / 3], nan_ok=True)
    assert found.values("model", "repeats@3").tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 0, 1 / 3])
    assert found.values("model", "auc").tolist() == pytest.approx([0.25, 0, 0.5, 1, np.nan], nan_ok=True)
    assert np.isnan(found.values("popularity", "auc")).all()


def test_values_of_an_unknown_system_or_metric_names_the_known_ones(found: Results) -> None:
    for system, metric in (("nobody", "recall@2"), ("model", "luck")):
        with pytest.raises(InputError, match=f"received: {metric} of {system}") as caught:
            found.values(system, metric)
        assert "systems model, " in caught.value.expected


def test_groups_are_masks_of_queries(found: Results) -> None:
    assert {name: mask.tolist() for name, mask in found.groups["sex"].items()} == {
        "f": [True, True, True, False, False],
        "m": [False, False, False, True, True],
    }


def test_groups_of_numbers_are_in_ascending_order() -> None:
    some = results(
        {"model": {"recall@10": [1.0] * 4}}, groups={"age": [["100 or more"], ["20-29"], ["below 3"], ["3-19", "new"]]}
    )
    assert [*some.groups["age"]] == ["below 3", "3-19", "20-29", "100 or more", "new"]


def test_groups_of_names_like_numbers_are_ordered() -> None:
    names = ["1e+06 or more", "2.1.0", "...", "-3-0", "700"]
    some = results({"model": {"recall@10": [1.0] * 5}}, groups={"version": [[name] for name in names]})
    assert [*some.groups["version"]] == ["-3-0", "2.1.0", "700", "1e+06 or more", "..."]


def test_summary_has_means_with_intervals(found: Results, tmp_path: Path) -> None:
    summary = summarize(found, ITEMS.items, EVALUATION)
    model = summary["systems"]["model"]
    assert (summary["users"], summary["queries"]) == (4, 5)
    mean, low, high = model["recall@3"]
    assert mean == pytest.approx(3 / 4)
    assert 0 <= low < mean < high <= 1
    assert model["coverage@1"][0] == 3 / 4  # a, d, b
    assert model["coverage@3"][0] == 1
    assert summary["systems"]["popularity"]["coverage@3"][0] == 3 / 4
    assert summary["slices"]["sex"]["f"]["queries"] == 3
    assert summary["slices"]["sex"]["f"]["users"] == 2
    assert summary["slices"]["sex"]["f"]["metrics"]["recall@3"][0] == pytest.approx(1 / 2)
    assert summary["slices"]["sex"]["m"]["metrics"]["recall@3"] == (1, 1, 1)
    assert summary["fairness"] == {"sex": {}}  # two users of a kind say nothing of their kind

    write_summary(str(tmp_path), summary)
    assert read_summary(str(tmp_path))["systems"]["model"]["recall@3"] == [mean, low, high]
    assert read_summary(str(tmp_path))["systems"]["popularity"]["auc"] == [None, None, None]


def test_fairness_is_the_ratio_of_the_worst_group_to_the_best() -> None:
    hits = [1.0] * 30 + [0.0] * 70 + [1.0] * 15 + [0.0] * 85
    some = results({"model": {"recall@10": hits}}, groups={"sex": [["f"]] * 100 + [["m"]] * 100})
    mean, low, high = summarize(some, ITEMS.items, EVALUATION)["fairness"]["sex"]["recall@10"]
    assert mean == pytest.approx(0.15 / 0.30)
    # The logarithm of a ratio of fractions has the error sqrt(0.85 / 15 + 0.7 / 30) = 0.283 (Katz et al. 1978).
    assert low == pytest.approx(0.5 * np.exp(-1.96 * 0.283), abs=0.06)
    assert high == pytest.approx(0.5 * np.exp(1.96 * 0.283), abs=0.12)


@pytest.mark.parametrize(
    ("first", "second", "third", "ratio"),
    [(0.5, np.nan, 1.0, 0.5), (0.5, np.nan, np.nan, np.nan), (0.0, 0.0, 0.0, np.nan), (0.5, 0.5, 0.5, 1.0)],
)
def test_fairness_ignores_groups_without_a_value(first: float, second: float, third: float, ratio: float) -> None:
    values = [value for value in (first, second, third) for _ in range(20)]
    some = results({"model": {"recall@10": values}}, groups={"sex": [["f"]] * 20 + [["m"]] * 20 + [["x"]] * 20})
    found = summarize(some, ITEMS.items, EVALUATION)["fairness"]["sex"]["recall@10"]
    assert found[0] == pytest.approx(ratio, nan_ok=True)


@pytest.mark.parametrize("groups", [2, 6])
def test_fairness_of_equal_groups_is_rarely_significant(groups: int) -> None:
    """Groups differ by chance only, so 1 of 20 logs is significant: at most 9 of 60 in 99.9%."""
    sure = 0
    for seed in range(60):
        hits = (np.random.default_rng(seed).random(200 * groups) < 0.25).astype(float).tolist()
        of_users = [[f"g{n % groups}"] for n in range(len(hits))]
        some = results({"model": {"recall@10": hits}}, groups={"sex": of_users})
        mean, low, high = summarize(some, ITEMS.items, EVALUATION)["fairness"]["sex"]["recall@10"]
        assert low <= mean <= high
        sure += high < 1
    assert sure <= 9


def test_summary_does_not_depend_on_the_order_of_queries(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    users, hits = [f"u{n}" for n in range(60)], (generator.random(60) < 0.4).astype(float).tolist()
    found = []
    for order in (range(60), generator.permutation(60)):
        of_users = [users[n] for n in order]
        some = results(
            {"model": {"recall@10": [hits[n] for n in order]}},
            users=of_users,
            groups={"sex": [[user[-1]] for user in of_users]},
        )
        folder = tmp_path / of_users[0]
        folder.mkdir()
        pq.write_table(some.table, folder / "part.parquet")
        found.append(summarize(read_results(str(folder)), ITEMS.items, EVALUATION))
    assert found[0] == found[1]
