"""Scores without training against loops over a small log in MIND's form."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.content.impressions import evaluate, has_history
from benchmarks.content.mind import News, Shown, read_news, read_shown
from benchmarks.content.untrained import (
    category_affinity,
    cosine_to_history,
    popularity,
    read_vectors,
    title_vectors,
)

TITLES = {
    "N0": ("sports", 'A "late" goal'),
    "N1": ("sports", "Goal in the rain"),
    "N2": ("news", "Rain and storms"),
    "N3": ("news", "Elections"),
}
ITEMS = [*TITLES, "X0", "X1"]  # two items have no title


class Row(NamedTuple):
    """An impression: the second, the history, and the shown items with their marks."""

    second: int
    history: list[str]
    shown: list[tuple[str, bool]]


def random_rows() -> list[Row]:
    generator = np.random.default_rng(3)
    rows = []
    for _ in range(60):
        chosen = generator.permutation(len(ITEMS))[: generator.integers(1, 6)]
        shown = [(ITEMS[item], bool(generator.random() < 0.4)) for item in chosen]
        history = [ITEMS[item] for item in generator.integers(0, len(ITEMS), generator.integers(0, 5))]
        rows.append(Row(int(generator.integers(0, 30)), history, shown))  # several at the same second
    return rows


def write(folder: Path, rows: list[Row]) -> tuple[Shown, News]:
    news, behaviors = folder / "news.tsv.gz", folder / "behaviors.tsv"
    with gzip.open(news, "wt", encoding="utf-8") as file:
        for name, (category, title) in TITLES.items():
            file.write(f"{name}\t{category}\tsub\t{title}\tabstract\turl\t[]\t[]\n")
    lines = []
    for number, row in enumerate(rows):
        shown = " ".join(f"{item}-{int(click)}" for item, click in row.shown)
        time = f"11/9/2019 10:00:{row.second:02} AM"
        lines.append(f"{number}\tU{number % 7}\t{time}\t{' '.join(row.history)}\t{shown}\n")
    behaviors.write_text("".join(lines))
    articles = read_news(news)
    return read_shown(behaviors, articles), articles


def neutral(row: Row, scores: dict[str, float]) -> list[float]:
    """Return the scores of the row's items; one without a score gets the mean of the others."""
    known = [scores[item] for item, _ in row.shown if item in scores]
    mean = sum(known) / len(known) if known else 0.0
    return [scores.get(item, mean) for item, _ in row.shown]


def test_popularity_counts_clicks_of_earlier_seconds_only(tmp_path: Path) -> None:
    rows = random_rows()
    shown, _ = write(tmp_path, rows)

    expected = [
        sum(earlier.second < row.second and (item, True) in earlier.shown for earlier in rows)
        for row in rows
        for item, _ in row.shown
    ]
    assert popularity(shown).tolist() == expected
    assert max(expected) > 3


def test_category_affinity_is_the_share_of_the_category_in_the_history(tmp_path: Path) -> None:
    rows = random_rows()
    shown, news = write(tmp_path, rows)

    expected: list[float] = []
    for row in rows:
        counts = Counter(TITLES[item][0] for item in row.history if item in TITLES)
        total = max(sum(counts.values()), 1)
        expected += neutral(row, {item: counts[category] / total for item, (category, _) in TITLES.items()})
    np.testing.assert_allclose(category_affinity(shown, news), expected)


def test_title_score_is_the_cosine_to_the_mean_vector_of_the_history(tmp_path: Path) -> None:
    rows = random_rows()
    shown, news = write(tmp_path, rows)
    vectors = dict(zip(TITLES, title_vectors(news.titles).toarray(), strict=True))

    expected: list[float] = []
    for row in rows:
        profile = np.zeros(len(vectors["N0"])) + sum(vectors[item] for item in row.history if item in TITLES)
        length = float(np.linalg.norm(profile)) or 1.0
        expected += neutral(row, {item: float(profile @ vector) / length for item, vector in vectors.items()})
    np.testing.assert_allclose(cosine_to_history(shown, title_vectors(news.titles)), expected, atol=1e-12)


def test_title_vectors_of_titles_with_a_common_word_are_similar() -> None:
    goal, other, elections = title_vectors(["A late goal", "Goal in the rain", "Elections"]).toarray()

    assert goal @ other > 0 == goal @ elections


def test_vectors_of_a_file_are_scaled_and_in_the_order_of_the_articles(tmp_path: Path) -> None:
    path = tmp_path / "vectors.parquet"
    pq.write_table(pa.table({"id": ["b", "a"], "vector": [[0.0, 2.0], [3.0, 4.0]]}), path)

    found = read_vectors(path, News(["a", "b", "c"], [""] * 3, [""] * 3))

    np.testing.assert_allclose(found.toarray(), [[0.6, 0.8], [0.0, 1.0], [0.0, 0.0]])


def test_evaluation_of_items_with_a_title_leaves_out_users_without_a_history(tmp_path: Path) -> None:
    rows = [
        Row(0, ["N0"], [("N1", True), ("N2", False), ("X0", False)]),
        Row(1, ["X1"], [("N1", True), ("N2", False)]),  # no history with titles
        Row(2, ["N0"], [("N1", True), ("X0", False)]),  # without X0 only a click is left
    ]
    shown, news = write(tmp_path, rows)
    keep = (shown.items < shown.titled) & has_history(shown)

    found = evaluate(shown, {"categories": [category_affinity(shown, news)]}, keep)

    assert (found["impressions"], found["items"]) == (1, 2)
    assert found["metrics"]["categories"]["auc"] == [1.0, 1.0, 1.0]


def test_behaviors_with_a_bad_row_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "behaviors.tsv"
    path.write_text("1\tU1\tyesterday\t\tN1-1\n")

    with pytest.raises(ValueError, match="1 rows"):
        read_shown(path, News(["N1"], ["news"], ["title"]))
