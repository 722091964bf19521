"""Metrics of a model on the test impressions: of each impression as a file, and their means with intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.baselines.tables import read_item_counts
from components.evaluator.query_metrics import MODEL
from components.evaluator.statistics import Interval, difference, intervals, resample, sums_by_user
from components.evaluator.summary import write_summary
from components.evaluator.systems import load_model
from components.impression_evaluator.off_policy_summary import ClickGains, summarize_gains
from components.impression_evaluator.shown_scores import PopularityScorer, model_scores
from components.impressions.impression_report import ImpressionReport
from schemas.config.impressions import ImpressionEvaluatorConfig
from schemas.features import TEST
from trainer.data.impressions import flat_clicks, flat_positions, list_lengths, read_impression_batches
from trainer.metrics import ScoredImpressions, impression_values
from trainer.metrics.lists import Floats, Indices

VALUES_FILE = "impressions.parquet"
POPULARITY = PopularityScorer.NAMES[0]
_AT_ONCE = 4_096  # impressions


@dataclass(frozen=True, eq=False)
class MeasuredImpressions:
    """The test impressions with their metrics.

    Args:
        keys: the columns `impression_id`, `user_id` and `timestamp_s` of each impression.
        users: int64 [impressions], the index of the user.
        values: metric -> float64 [impressions], by system, the model first; NaN without a value.
        clicks: the clicks, with their gains.
        counts: `shown`, `clicks`, `only_clicks`, `without_clicks` and `unknown_items`.
    """

    keys: pa.Table
    users: Indices
    values: Mapping[str, Mapping[str, Floats]]
    clicks: ClickGains
    counts: Mapping[str, int]


def evaluate_impressions(
    impressions: str, model: str, counts: str, settings: ImpressionEvaluatorConfig, folder: str
) -> dict[str, Any]:
    """Score the items of all test impressions, and write the metrics.

    It writes `impressions.parquet`, a row for each impression, and `summary.json`.

    Args:
        impressions: the artifact of the component Impressions.
        model: the saved model to judge.
        counts: the folder of the baselines' tables.
        settings: the settings for intervals and weights.
        folder: the folder to write.

    Returns:
        The summary; see `summarize_shown`.

    Raises:
        InputError: the model cannot be loaded.

    Example:
        >>> settings = ImpressionEvaluatorConfig(bootstrap_samples=1_000, clip=None)
        >>> evaluate_impressions("impressions", "model", "counts", settings, "evaluation")  # doctest: +SKIP
    """
    measured = measure_impressions(impressions, load_model(model), PopularityScorer(read_item_counts(counts)))
    propensities = ImpressionReport.read(impressions).propensities
    summary = summarize_shown(measured, settings.bootstrap_samples)
    summary["position_bias"] = (
        None if propensities is None else summarize_gains(measured.clicks, propensities, settings.clip)
    )
    columns = {f"value:{system}:{name}": each for system, by in measured.values.items() for name, each in by.items()}
    table = measured.keys
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    tf.io.gfile.makedirs(folder)
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    with tf.io.gfile.GFile(f"{folder}/{VALUES_FILE}", "wb") as file:
        file.write(content.getvalue())
    write_summary(folder, summary)
    return summary


def measure_impressions(folder: str, model: Any, popularity: PopularityScorer) -> MeasuredImpressions:
    """Score the items of all test impressions, and compute the metrics of each.

    Args:
        folder: the artifact of the component Impressions.
        model: the saved model to judge.
        popularity: the popularity baselines.

    Returns:
        The impressions in the order of the log.
    """
    parts = [_measure(batch, model, popularity) for batch in read_impression_batches(folder, TEST, _AT_ONCE)]
    keys = pa.Table.from_batches([part.keys for part in parts])
    users = np.unique(keys["user_id"].to_numpy(), return_inverse=True)[1].astype(np.int64)
    rows = np.concatenate([part.click_rows + start for part, start in zip(parts, _starts(parts), strict=True)])
    gains = {name: np.concatenate([part.gains[name] for part in parts]) for name in parts[0].gains}
    return MeasuredImpressions(
        keys=keys,
        users=users,
        values={
            system: {name: np.concatenate([part.values[system][name] for part in parts]) for name in metrics}
            for system, metrics in parts[0].values.items()
        },
        clicks=ClickGains(
            positions=np.concatenate([part.click_positions for part in parts]),
            users=users[rows],
            gains=gains,
            impressions=len(users),
            all_users=int(users.max()) + 1,
        ),
        counts={name: sum(part.counts[name] for part in parts) for name in parts[0].counts},
    )


def summarize_shown(measured: MeasuredImpressions, samples: int) -> dict[str, Any]:
    """Return the means of all systems with their intervals.

    Args:
        measured: the impressions.
        samples: the number of bootstrap samples of the users.

    Returns:
        A dictionary with these keys. `impressions`, `users` and the keys of `counts` are counts. `systems` has an
        interval for each system and metric. `above_popularity` has for each metric the difference of the model and
        popularity on the same impressions.
    """
    systems = {}
    for system, by_metric in measured.values.items():
        sums = sums_by_user(np.stack(list(by_metric.values()), axis=1), measured.users)
        rows = intervals(sums, resample(sums, samples))
        systems[system] = {name: Interval(*row) for name, row in zip(by_metric, rows.tolist(), strict=True)}
    model, popular = measured.values[MODEL], measured.values[POPULARITY]
    return {
        "impressions": len(measured.users),
        "users": measured.clicks.all_users,
        **measured.counts,
        "systems": systems,
        "above_popularity": {name: difference(model[name], popular[name], measured.users).interval() for name in model},
    }


@dataclass(frozen=True, eq=False)
class _Part:
    """A batch of impressions, as in `MeasuredImpressions`."""

    keys: pa.RecordBatch
    values: Mapping[str, Mapping[str, Floats]]
    click_rows: Indices  # [clicks], the index of the impression in the batch
    click_positions: Indices
    gains: Mapping[str, Floats]
    counts: Mapping[str, int]


def _measure(batch: pa.RecordBatch, model: Any, popularity: PopularityScorer) -> _Part:
    shown = batch.column("shown")
    items = shown.flatten().to_numpy(zero_copy_only=False)
    lengths, clicked = list_lengths(shown), flat_clicks(batch.column("clicked"))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    scores = {**model_scores(model, batch, popularity.trained(items)), **popularity.scores(items)}
    ranked = {system: ScoredImpressions(offsets, clicked, each) for system, each in scores.items()}
    one = ranked[MODEL]
    return _Part(
        keys=pa.RecordBatch.from_arrays(
            [batch.column(name) for name in ("impression_id", "user_id", "timestamp_s")],
            names=["impression_id", "user_id", "timestamp_s"],
        ),
        values={system: impression_values(each) for system, each in ranked.items()},
        click_rows=one.impressions[clicked],
        click_positions=flat_positions(shown)[clicked],
        gains={system: 1.0 / np.log2(1.0 + each.ranks()[clicked]) for system, each in ranked.items()},
        counts={
            "shown": len(items),
            "clicks": int(clicked.sum()),
            "only_clicks": int((one.non_clicks == 0).sum()),
            "without_clicks": int((one.clicks == 0).sum()),
            "unknown_items": popularity.count_unknown(items),
        },
    )


def _starts(parts: list[_Part]) -> Indices:
    """Return the number of impressions before each batch."""
    sizes = np.array([part.keys.num_rows for part in parts], np.int64)
    return np.cumsum(sizes) - sizes
