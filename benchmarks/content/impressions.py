"""Rank the impressions of a sample of MIND without training: random, popularity, categories and titles.

    .venv/bin/python -m benchmarks.content.impressions --behaviors FILE --news FILE [--vectors FILE]

FILE are MIND's `behaviors.tsv` and `news.tsv`. `--vectors` is a Parquet file with vectors of titles, in the columns
`id` and `vector`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.content.mind import Floats, Mask, Shown, read_news, read_shown
from benchmarks.content.untrained import (
    category_affinity,
    cosine_to_history,
    popularity,
    read_vectors,
    title_vectors,
)
from benchmarks.provenance import circumstances
from components.evaluator.statistics import intervals, resample, sums_by_user
from trainer.metrics import ScoredImpressions, estimate_propensities, impression_values

RESULTS = Path(__file__).with_name("impressions.jsonl")
SAMPLES = 1_000
POSITIONS = 10
RANDOM_ORDERS = 20


def main(
    behaviors: Annotated[Path, typer.Option(help="behaviors.tsv of MIND")],
    news: Annotated[Path, typer.Option(help="news.tsv of MIND")],
    vectors: Annotated[Path | None, typer.Option(help="Parquet file with vectors of titles")] = None,
) -> None:
    """Measure, print and record."""
    articles = read_news(news)
    shown = read_shown(behaviors, articles)
    scores = {
        "random": [np.random.default_rng(seed).random(len(shown.items)) for seed in range(RANDOM_ORDERS)],
        "popularity": [popularity(shown)],
        "category affinity": [category_affinity(shown, articles)],
        "TF-IDF of titles": [cosine_to_history(shown, title_vectors(articles.titles))],
    }
    if vectors is not None:
        scores["sentence vectors of titles"] = [cosine_to_history(shown, read_vectors(vectors, articles))]
    titled = shown.items < shown.titled
    found = {
        "impressions": len(shown.users),
        "users": int(shown.users.max()) + 1,
        "shown": len(shown.items),
        "clicks": int(shown.clicked.sum()),
        "shown_titled": int(titled.sum()),
        "without_titled_history": int((shown.history.sum(axis=1) == 0).sum()),
        "all": evaluate(shown, scores, np.ones(len(titled), np.bool_)),
        "titled": evaluate(shown, scores, titled & has_history(shown)),
        "positions": position_effects(shown),
    }
    RESULTS.write_text(json.dumps(found | circumstances()) + "\n")
    print(json.dumps(found, indent=1))


def has_history(shown: Shown) -> Mask:
    """Return which shown items are in the impression of a user who had clicked an article with a title."""
    return np.asarray(shown.history.sum(axis=1) > 0).ravel()[shown.impressions]


def evaluate(shown: Shown, scores: dict[str, list[Floats]], keep: Mask) -> dict[str, Any]:
    """Return the metrics of each scorer with 95% intervals over users, on a part of the shown items.

    Args:
        shown: the impressions.
        scores: [shown], by the name of the scorer. Metrics are means over several scores of a name.
        keep: [shown], the items that are ranked. Impressions without a clicked and a non-clicked one are left out.
    """
    clicks, others = (
        np.bincount(shown.impressions[keep & mask], minlength=len(shown.users))
        for mask in (shown.clicked, ~shown.clicked)
    )
    usable = (clicks > 0) & (others > 0)
    keep = keep & usable[shown.impressions]
    lengths = np.bincount(shown.impressions[keep], minlength=len(shown.users))[usable]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    users = np.unique(shown.users[usable], return_inverse=True)[1]
    metrics: dict[str, dict[str, list[float]]] = {}
    for name, several in scores.items():
        found = [impression_values(ScoredImpressions(offsets, shown.clicked[keep], each[keep])) for each in several]
        values = np.mean([list(by_metric.values()) for by_metric in found], axis=0)
        sums = sums_by_user(values.T, users)
        rows = intervals(sums, resample(sums, SAMPLES))
        metrics[name] = {key: row.round(4).tolist() for key, row in zip(found[0], rows, strict=True)}
    return {"impressions": int(usable.sum()), "items": int(keep.sum()), "metrics": metrics}


def position_effects(shown: Shown) -> list[list[float]]:
    """Return the click rate of each of the first positions, divided by that of the first, and its standard error."""
    positions = np.arange(len(shown.items)) - shown.offsets[shown.impressions]
    longer = (np.diff(shown.offsets) >= POSITIONS)[shown.impressions] & (positions < POSITIONS)
    found = estimate_propensities(positions[longer], shown.clicked[longer])
    return [found.propensities.round(3).tolist(), found.standard_errors.round(3).tolist()]


if __name__ == "__main__":
    typer.run(main)
