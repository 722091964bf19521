"""Scores of shown items: those of a saved model, and those of the popularity baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import tensorflow as tf

from components.evaluator.query_metrics import MODEL
from schemas.features import ITEM_IDS, QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from trainer.baselines.tables import ItemCounts
from trainer.metrics import catalogue_indices
from trainer.metrics.lists import Floats

BATCH, THREADS = 32, 2  # a call has many small steps, which rarely use two cores
RANKING_TASK = "ranking_task"  # the system without what a model has learnt from impressions
_CANDIDATE_IDS = "candidate_ids"


def model_scores(model: Any, impressions: pa.RecordBatch, trained: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Return the scores of a saved model for the shown items, from its signature `score`.

    The model reads the history with the times that are known, and the time of the impression if it reads the time of a
    query. Further columns of the history are missing.

    Args:
        model: the saved model.
        impressions: rows of `QUERIED_IMPRESSION`.
        trained: bool [shown], whether the training has an interaction with the item. Which other items the model knows
            depends on clicks in the test span, so the ranking task must not score any of them.

    Returns:
        By system, [shown]. The scores of `model` are those that it learnt from impressions, if it did. Then those of
        the ranking task are the system `ranking_task`. There an item that the training lacks has the lowest float32.
        A NaN becomes minus infinity, because metrics rank every item.
    """
    score = model.signatures["score"]
    specs = score.structured_input_signature[1]
    names = {ITEM_IDS: "history", TIMESTAMPS_S: "history_times_s", _CANDIDATE_IDS: "shown"}
    lists = {name: impressions.column(column).to_pylist() for name, column in names.items()}
    times_s = impressions.column("timestamp_s").to_numpy().astype(np.int64)
    lengths = [len(shown) for shown in lists[_CANDIDATE_IDS]]
    # A batch has as many candidates as its longest list, so lists of similar length share a batch.
    order = np.argsort(lengths, kind="stable")

    learnt = "shown_scores" in score.structured_outputs
    systems = {MODEL: "shown_scores", RANKING_TASK: "scores"} if learnt else {MODEL: "scores"}

    def scores_of(rows: npt.NDArray[Any]) -> list[Floats]:
        inputs = {name: _padded([lists[name][row] for row in rows], specs[name].dtype) for name in names}
        if QUERY_TIMESTAMPS_S in specs:
            inputs[QUERY_TIMESTAMPS_S] = tf.constant(times_s[rows])
        answer = score(**{**_missing(specs), **inputs})
        found = np.stack([answer[name].numpy() for name in systems.values()], axis=1)  # [lists, systems, items]
        return [scores[:, : lengths[row]] for row, scores in zip(rows, found, strict=True)]

    parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    with ThreadPoolExecutor(THREADS) as threads:
        in_order = [scores for part in threads.map(scores_of, parts) for scores in part]
    by_row = [in_order[place] for place in np.argsort(order)]
    flat = np.concatenate([np.zeros((len(systems), 0)), *by_row], axis=1)
    ranked = np.where(np.isnan(flat), -np.inf, flat)
    ranked[list(systems.values()).index("scores"), ~trained] = np.finfo(np.float32).min
    return dict(zip(systems, ranked, strict=True))


class PopularityScorer:
    """The popularity baselines as scores of items.

    Args:
        counts: what was counted on the training split.

    Example:
        >>> counts = ItemCounts(np.array(["a", "b"], object), np.array([3, 1]), np.array([2, 1]), 2, np.ones(2), {})
        >>> PopularityScorer(counts).scores(np.array(["b", "new", "a"], object))["popularity"].tolist()
        [1.0, 0.0, 3.0]
    """

    NAMES = ("popularity", "recent_popularity")

    def __init__(self, counts: ItemCounts) -> None:
        self._index = pd.Index(counts.items, dtype=object)
        # The index -1 of an unknown item is that of the last place.
        self._trained = np.append(counts.users > 0, False)
        columns = (counts.interactions, counts.recent)
        self._values = {
            name: np.append(values.astype(np.float64), 0.0) for name, values in zip(self.NAMES, columns, strict=True)
        }

    def scores(self, shown: Any) -> dict[str, Floats]:
        """Return the scores of shown items by baseline; 0 for an item without an interaction in training.

        Args:
            shown: item ids, str [shown].
        """
        indices = catalogue_indices(shown, self._index)
        return {name: values[indices] for name, values in self._values.items()}

    def trained(self, shown: Any) -> npt.NDArray[np.bool_]:
        """Return whether the training has an interaction with each item, bool [shown].

        Args:
            shown: item ids, str [shown].
        """
        return np.asarray(self._trained[catalogue_indices(shown, self._index)])

    def count_unknown(self, shown: Any) -> int:
        """Return the number of shown items that are not in the catalogue.

        Args:
            shown: item ids, str [shown].
        """
        return int((catalogue_indices(shown, self._index) < 0).sum())


def _padded(lists: Sequence[Sequence[Any]], kind: tf.DType) -> tf.Tensor:
    """Return lists as [lists, longest, but at least 1], padded on the right with empty strings or 0."""
    lengths = [len(each) for each in lists]
    flat = tf.constant([value for each in lists for value in each], kind)
    ragged = tf.RaggedTensor.from_row_lengths(flat, lengths)
    return ragged.to_tensor("" if kind == tf.string else 0, [len(lists), max(1, *lengths)])


def _missing(specs: Mapping[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
    """Return a missing value for each input, which broadcasts to a batch of any size."""
    values = {tf.string: "", tf.float32: float("nan"), tf.int64: 0}
    return {
        name: tf.fill([1] * spec.shape.rank, tf.constant(values[spec.dtype], spec.dtype))
        for name, spec in specs.items()
    }
