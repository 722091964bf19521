"""The fit of the scores of shown items: clicks against the items that were shown and not clicked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import optimize

from schemas.config.train import ImpressionTrainingConfig
from schemas.errors import InputError
from schemas.features import EVAL, PADDING_ID, QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from serving.export.recommender import Recommender
from trainer.data.impressions import ShownItemLog, ShownLists, list_lengths, read_impression_batches
from trainer.metrics import inverse_propensity_weights
from trainer.network.model import NextItemModel
from trainer.network.shown_scorer import FURTHER_FEATURES, ShownItemScorer, ShownItemWeights
from trainer.training.item_rates import POSITIONS, fit_item_rates
from trainer.training.progress import LOGGER

_RIDGE = 1e-3  # keeps the weights of equal features from growing in opposite directions
_POSITION_RIDGE = 1e-6  # keeps the effect of a position without a click finite; more would bias rare positions
_BATCH = 32  # impressions that are encoded together
_MAX_IMPRESSIONS = 20_480  # the last ones of validation that the weights are fitted to

Floats = npt.NDArray[np.float64]


class ClickWeights(NamedTuple):
    """The weight of each shown item in the loss."""

    values: Floats  # [shown], 0 without a click
    without_propensity: int  # clicks that are left out


class FittedShownItems(NamedTuple):
    """What is learnt from impressions, and a description of it."""

    weights: ShownItemWeights
    info: dict[str, Any]


def fit_shown_items(
    model: NextItemModel, vocabulary_file: str, folder: str, log: ShownItemLog, settings: ImpressionTrainingConfig
) -> FittedShownItems:
    """Fit the scores of shown items to the impressions before the test span.

    The impressions of training give each item its click rate. Those of validation give the weights of the model's
    scores and of the click rate, because neither the counts nor the click rates have seen them. The click rates are
    then fitted again to both.

    Args:
        model: the trained model.
        vocabulary_file: the vocabulary, one item per line.
        folder: the artifact of the component Impressions.
        log: the lists in this folder.
        settings: the correction for positions.

    Returns:
        The weights, and for `ModelInfo` their names and counts of what they were fitted to.
    """
    fits_positions = settings.position == "feature"
    before, after = (click_weights(lists, log.propensities, settings) for lists in (log.train, log.eval))
    first = fit_item_rates(log.train, before.values, len(log.ids), fit_positions=fits_positions)
    fitted = _unfitted(model, vocabulary_file, log.ids, first.items)
    features, used = _validation_features(model, vocabulary_file, fitted, folder, log.eval)
    weights, effects = fit_click_logit(used, features, after.values[-len(used.items) :], fits_positions)
    both = ShownLists(*(np.concatenate(parts) for parts in zip(log.train, log.eval, strict=True)))
    rates = fit_item_rates(
        both, np.concatenate([before.values, after.values]), len(log.ids), fit_positions=fits_positions
    )
    fitted = _unfitted(model, vocabulary_file, log.ids, rates.items)._replace(weights=weights.astype(np.float32))
    info = {
        "position": settings.position,
        "impressions": {"train": len(log.train.lengths), "eval": len(log.eval.lengths)},
        "fitted_to": len(used.lengths),
        "clicks_without_propensity": before.without_propensity + after.without_propensity,
        "weights": dict(zip([*model.score_names, *FURTHER_FEATURES], weights.tolist(), strict=True)),
        "position_effects": effects.tolist() if fits_positions else None,
    }
    LOGGER.info("the scores of shown items are fitted to %d impressions of validation: %s", len(used.lengths), info)
    return FittedShownItems(fitted, info)


def check_shown_items(log: ShownItemLog, settings: ImpressionTrainingConfig) -> None:
    """Check that there is something to learn, before a long training.

    Args:
        log: the impressions before the test span.
        settings: the correction for positions.

    Raises:
        InputError: no impression of validation has both a click and an item without one.
    """
    usable = click_weights(log.eval, log.propensities, settings).values > 0
    clicks = np.bincount(log.eval.lists[usable], minlength=len(log.eval.lengths))
    if not ((clicks > 0) & (clicks < log.eval.lengths)).any():
        raise InputError(
            expected="an impression of the validation span with a click and an item without one, for train.impressions",
            received=f"{len(log.eval.lengths):,} impressions of validation, none of which is one",
            remedy="move split.validation_from, or remove train.impressions",
        )


def click_weights(lists: ShownLists, propensities: Floats | None, settings: ImpressionTrainingConfig) -> ClickWeights:
    """Return the weights of clicks in the loss.

    Args:
        lists: the lists.
        propensities: [positions], NaN without an estimate.
        settings: how to correct for the position.

    Returns:
        A weight of 1 for each click, or with `weights` the clipped inverse of its propensity.

    Example:
        >>> lists = ShownLists(np.array([2]), np.array([0, 1]), np.array([0, 1]), np.array([False, True]))
        >>> click_weights(lists, np.array([1.0, 0.1]), ImpressionTrainingConfig(position="weights", clip=5)).values
        array([0., 5.])
    """
    weights = lists.clicked.astype(np.float64)
    if settings.position != "weights" or propensities is None:
        return ClickWeights(weights, 0)
    places = np.minimum(lists.positions, len(propensities))
    found = np.append(propensities, np.nan)[places]
    usable = lists.clicked & (found > 0)
    weights[usable] = inverse_propensity_weights(found[usable], settings.clip).weights
    weights[~usable] = 0.0
    return ClickWeights(weights, int((lists.clicked & ~usable).sum()))


def fit_click_logit(lists: ShownLists, features: Floats, weights: Floats, fit_positions: bool) -> tuple[Floats, Floats]:
    """Fit weights that maximize the likelihood of the clicks under a softmax over each list.

    This is a conditional logit (McFadden 1974), a listwise loss in which all shown items without the click are
    negatives. With inverse propensity weights it is the loss of Ai et al. (2018, "Unbiased learning to rank with
    unbiased propensity estimation"). With positions, each one adds an effect to the score, like the shallow tower of
    Zhao et al. (2019, "Recommending what video to watch next"). Scores without this effect are those of the first
    position.

    Args:
        lists: the lists.
        features: [shown, features].
        weights: [shown], the weight of a click; 0 without a click.
        fit_positions: whether to fit the effects of positions.

    Returns:
        [features], and the relative click rates of the positions [POSITIONS], 1 if they are not fitted.

    Example:
        >>> clicked = np.array([True, False, True, False, False, True])
        >>> lists = ShownLists(np.array([2] * 3), np.arange(6), np.array([0, 1] * 3), clicked)
        >>> features = np.array([[1.0], [0.0]] * 3)
        >>> fit_click_logit(lists, features, clicked.astype(float), False)[0].round(2)  # 2 of 3: log 2
        array([0.69])
    """
    row = lists.lists
    of_list = np.bincount(row, weights, len(lists.lengths))
    deviation = features.std(axis=0) + 1e-6
    columns = [features / deviation]
    if fit_positions:
        columns.append(np.eye(POSITIONS)[np.minimum(lists.positions, POSITIONS - 1)][:, 1:])
    design, starts = np.concatenate(columns, axis=1), np.cumsum(lists.lengths) - lists.lengths
    ridge = np.repeat([_RIDGE, _POSITION_RIDGE], [features.shape[1], design.shape[1] - features.shape[1]])

    def loss(values: Floats) -> tuple[float, Floats]:
        scores = design @ values
        scores -= np.maximum.reduceat(scores, starts)[row]
        shares = np.exp(scores)
        totals = np.add.reduceat(shares, starts)
        log_likelihood = weights @ (scores - np.log(totals)[row]) / weights.sum()
        gradient = design.T @ (weights - (of_list / totals)[row] * shares) / weights.sum()
        return float((ridge * values) @ values / 2 - log_likelihood), ridge * values - gradient

    found = np.asarray(optimize.minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x)
    count = features.shape[1]
    effects = np.exp(np.append(0.0, found[count:])) if fit_positions else np.ones(POSITIONS)
    return found[:count] / deviation, effects


def _unfitted(
    model: NextItemModel, vocabulary_file: str, ids: npt.NDArray[np.object_], rates: Floats
) -> ShownItemWeights:
    """Return the click rates of shown items and of items with a training interaction, with weights of 0."""
    with tf.io.gfile.GFile(vocabulary_file) as file:
        vocabulary = np.array([line.rstrip("\n") for line in file], np.object_)
    trained = vocabulary[model.items.seen.numpy()[1:]]
    items = np.concatenate([ids, trained[~np.isin(trained, ids)]])
    log_rates = np.append(np.log(rates), np.zeros(len(items) - len(ids)))
    count = len(model.score_names) + len(FURTHER_FEATURES)
    return ShownItemWeights(items, log_rates.astype(np.float32), np.isin(items, trained), np.zeros(count, np.float32))


def _validation_features(
    model: NextItemModel, vocabulary_file: str, fitted: ShownItemWeights, folder: str, lists: ShownLists
) -> tuple[Floats, ShownLists]:
    """Return the features of the last impressions of validation, and their lists."""
    skipped = max(0, len(lists.lengths) - _MAX_IMPRESSIONS)
    start = int(lists.lengths[:skipped].sum())
    used = ShownLists(lists.lengths[skipped:], lists.items[start:], lists.positions[start:], lists.clicked[start:])
    parts, seen = [], 0
    with model.items.frozen():
        encode = _FeatureEncoder(model, vocabulary_file, fitted)
        for batch in read_impression_batches(folder, EVAL, _BATCH):
            seen += batch.num_rows
            if (later := batch.slice(max(0, batch.num_rows - max(0, seen - skipped)))).num_rows:
                parts.append(encode(later))
    return np.concatenate(parts), used


class _FeatureEncoder:
    """The features of shown items, from the histories and the times of their impressions."""

    def __init__(self, model: NextItemModel, vocabulary_file: str, fitted: ShownItemWeights) -> None:
        popularity = np.zeros(model.item_count, np.float32)
        self._recommender = Recommender(model, vocabulary_file, popularity, 1, remove_seen=False, index="brute_force")
        self._scorer = ShownItemScorer(model, fitted)
        text, number = tf.TensorSpec([None, None], tf.string), tf.TensorSpec([None, None], tf.int64)
        signature = [text, number, tf.TensorSpec([None], tf.int64), text]
        self._features = tf.function(self._compute, autograph=False, input_signature=signature)

    def __call__(self, batch: Any) -> Floats:
        """Return the features of a batch of `QUERIED_IMPRESSION`, [shown, features]."""
        history, times, shown = (
            tf.ragged.constant(batch.column(name).to_pylist(), kind, ragged_rank=1)
            for name, kind in (("history", tf.string), ("history_times_s", tf.int64), ("shown", tf.string))
        )
        query_times = batch.column("timestamp_s").to_numpy().astype(np.int64)
        found = self._features(history.to_tensor(""), times.to_tensor(0), query_times, shown.to_tensor("")).numpy()
        lengths = list_lengths(batch.column("shown"))
        return np.asarray(found[np.arange(found.shape[1]) < lengths[:, np.newaxis]], np.float64)

    def _compute(self, history: tf.Tensor, times: tf.Tensor, query_times: tf.Tensor, shown: tf.Tensor) -> tf.Tensor:
        recommender = self._recommender
        context = {**recommender.context.defaults, TIMESTAMPS_S: times, QUERY_TIMESTAMPS_S: query_times}
        encoded = recommender.history(history, context).encoded
        return self._scorer.features(encoded, tf.maximum(recommender.ids(shown), PADDING_ID), shown)
