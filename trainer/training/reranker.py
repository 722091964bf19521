"""The re-ranker, fitted by TFRS's ranking task: weights of scores, and a network that corrects their sum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs
from scipy import optimize, stats

from schemas.config.evaluation import K
from trainer.metrics import recall_and_ndcg
from trainer.network.candidate_network import CandidateNetwork, NetworkWeights
from trainer.network.model import NextItemModel
from trainer.network.model_info import ModelInfo
from trainer.training.progress import LOGGER

_RIDGE = 1e-3  # keeps the weights of equal scores from growing in opposite directions
_FOLDS = 5
_CONFIDENCE, _BLOCKS = 0.95, 200  # of the interval that decides whether the network is used
_UNITS, _STEPS, _BATCH_SIZE, _LEARNING_RATE, _WEIGHT_DECAY = 32, 400, 256, 0.02, 0.01  # of the network
_FEWEST = 1_000  # targets that a network is fitted to; what it adds is too small to show in fewer
_AT_ONCE = 256  # histories whose corrections are computed together

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class CrossValidatedRanks(NamedTuple):
    """The rank of each target, by weights that were fitted without its history; see `ranks`."""

    weighted: Ints  # by the weighted scores
    corrected: Ints  # by the weighted scores with the correction of a network


class FittedReranker(NamedTuple):
    """What the fit of a re-ranker found in validation."""

    info: ModelInfo
    retrieval: Ints  # int64 [n], the rank of each target in retrieval's order
    ranking: Ints  # int64 [n], its rank among the candidates, by a re-ranker that was fitted without its history


class RerankExamples(NamedTuple):
    """Candidates of some histories with their scores, and the target among them.

    Args:
        scores: float32 [n, candidates, scores].
        present: bool [n, candidates], False where there is no candidate.
        target: int64 [n], the index of the target; -1 if it is not a candidate.
        weight: float32 [n], how much each target counts in a fit.
    """

    scores: Floats
    present: npt.NDArray[np.bool_]
    target: Ints
    weight: Floats


def fit_reranker(model: NextItemModel, validation: tf.data.Dataset) -> FittedReranker:
    """Fit the model's re-ranker to validation, and let it serve the better stage.

    The network is used if its NDCG is significantly above that of the weighted scores alone, on users that neither was
    fitted to.

    Args:
        model: a trained model; its re-ranker and its stage are set.
        validation: batches from `eval_batches`.

    Returns:
        The metrics of both stages, the stage that is served, and the ranks of the targets in both.
    """
    with model.items.frozen():
        examples = _collect_examples(model, validation)
    start = model.score_weights.numpy()
    held_out = cross_validated_ranks(examples, start)
    gain = ndcg_gain(held_out.corrected, held_out.weighted)
    weights = fit_conditional_logit(examples, start)
    network = fit_network(examples, weights) if gain["low"] > 0 else None
    of_retrieval, of_ranking = ranks(examples, start), held_out.weighted if network is None else held_out.corrected
    stages = {"retrieval": mean_metrics(of_retrieval), "ranking": mean_metrics(of_ranking)}
    served = "ranking" if stages["ranking"][f"ndcg@{K}"] > stages["retrieval"][f"ndcg@{K}"] else "retrieval"
    model.set_reranker(weights, network, serve=served == "ranking")
    LOGGER.info(
        "the %s stage is served: in validation retrieval reaches %s, ranking %s",
        served,
        *(", ".join(f"{name} {value:.4f}" for name, value in found.items()) for found in stages.values()),
    )
    info = ModelInfo(
        served=served,
        validation=stages,
        exported=mean_metrics(ranks(examples, weights, network)) if served == "ranking" else stages["retrieval"],
        parameters=sum(int(weight.shape.num_elements()) for weight in model.trainable_variables),
        score_weights=dict(zip(model.score_names, weights.tolist(), strict=True)),
        network_gain=gain,
        dropout=model.dropout._asdict(),
    )
    return FittedReranker(info, of_retrieval, of_ranking)


def fit_conditional_logit(examples: RerankExamples, start: Floats) -> Floats:
    """Fit weights that maximize the likelihood of the targets under a softmax of the weighted scores.

    This is a conditional logit (McFadden 1974) with a small ridge towards `start`: a ranking task with a listwise loss.

    Args:
        examples: candidates; only those with a target among them are used.
        start: float32 [scores], the weights that are returned if no example can be used.

    Returns:
        float32 [scores].

    Example:
        >>> scores = np.array([[[1.0], [0.0]], [[1.0], [0.0]], [[0.0], [1.0]]], np.float32)
        >>> examples = RerankExamples(scores, np.ones((3, 2), bool), np.array([0, 0, 0]), np.ones(3, np.float32))
        >>> fit_conditional_logit(examples, np.zeros(1, np.float32)).round(2)  # 2 of 3 targets score higher: log 2
        array([0.69], dtype=float32)
    """
    if not (examples.target >= 0).any():
        return start
    scores, present, target, weight = (tf.constant(x) for x in _with_known_target(examples))
    task = _listwise_task()

    @tf.function(autograph=False)
    def loss(weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            values = tf.where(present, tf.tensordot(scores, weights, axes=1), scores.dtype.min)
            total = task(target, values, weight) + _RIDGE * tf.reduce_sum(tf.square(weights - start))
        return total, tape.gradient(total, weights)

    def with_gradient(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        total, gradient = loss(tf.constant(weights, tf.float32))
        return float(total), gradient.numpy().astype(np.float64)

    found = optimize.minimize(with_gradient, start.astype(np.float64), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float32)


def fit_network(examples: RerankExamples, weights: Floats) -> CandidateNetwork | None:
    """Fit a network that corrects the weighted scores, with the loss of `fit_conditional_logit`.

    It starts as no correction, and reads standardized scores. The same examples give the same network.

    Args:
        examples: candidates; only those with a target among them are used.
        weights: float32 [scores], which stay as they are.

    Returns:
        The network, or None if too few examples can be used.
    """
    scores, present, target, weight = _with_known_target(examples)
    if len(target) < _FEWEST:
        return None
    mean, deviation = scores[present].mean(axis=0), scores[present].std(axis=0) + 1e-6
    random = np.random.default_rng(0)
    count = scores.shape[2]
    network = CandidateNetwork(
        NetworkWeights(random.normal(0, count**-0.5, (count, _UNITS)), np.zeros(_UNITS), np.zeros(_UNITS))
    )
    variables = [network.hidden, network.bias, network.output]
    rate = tf.keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, _STEPS)
    optimizer, task = tf.keras.optimizers.AdamW(rate, weight_decay=_WEIGHT_DECAY), _listwise_task()
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(scores: tf.Tensor, present: tf.Tensor, target: tf.Tensor, weight: tf.Tensor) -> None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            values = tf.tensordot(scores, weights, axes=1) + network((scores - mean) / deviation)
            loss = task(target, tf.where(present, values, scores.dtype.min), weight)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(_STEPS):
        batch = random.choice(len(target), min(_BATCH_SIZE, len(target)), replace=False)
        step(*(tf.constant(x[batch]) for x in (scores, present, target, weight)))
    hidden, bias, output = network.weights
    return CandidateNetwork(NetworkWeights(hidden / deviation[:, np.newaxis], bias - mean / deviation @ hidden, output))


def ndcg_gain(first: Ints, second: Ints) -> dict[str, float]:
    """Return how much the NDCG of one ranking is above that of another one, with an interval.

    Histories of one user are neighbours and not independent. So the error comes from means of blocks of neighbours.

    Args:
        first: int64 [n], the ranks of the targets in the first ranking.
        second: int64 [n], the same in the second one.

    Returns:
        `mean`, `low` and `high`; all are 0 for fewer than two histories.

    Example:
        >>> gain = ndcg_gain(np.array([1, 1, 3, 1]), np.array([3, 1, 3, 3]))  # the NDCG of rank 3 is 0.5
        >>> {name: round(value, 3) for name, value in gain.items()}
        {'mean': 0.25, 'low': -0.209, 'high': 0.709}
    """
    differences = recall_and_ndcg(first, K)[1] - recall_and_ndcg(second, K)[1]
    if len(differences) < 2:
        return {"mean": 0.0, "low": 0.0, "high": 0.0}
    blocks = np.array([part.mean() for part in np.array_split(differences, min(_BLOCKS, len(differences)))])
    error = float(blocks.std(ddof=1)) / len(blocks) ** 0.5
    half_width = float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(blocks) - 1)) * error
    mean = float(blocks.mean())
    return {"mean": mean, "low": mean - half_width, "high": mean + half_width}


def ranks(examples: RerankExamples, weights: Floats, network: CandidateNetwork | None = None) -> Ints:
    """Return the rank of each target among the candidates, by the ranking score.

    Args:
        examples: candidates of n histories.
        weights: float32 [scores].
        network: corrects the weighted scores.

    Returns:
        int64 [n], from 1. Among equal scores the target is last. A target that
        is not a candidate has the greatest int64, a rank beyond any list.
    """
    values = examples.scores @ weights
    if network is not None:
        for start in range(0, len(values), _AT_ONCE):
            values[start : start + _AT_ONCE] += network(examples.scores[start : start + _AT_ONCE]).numpy()
    values = np.where(examples.present, values, -np.inf)
    found = (values >= values[np.arange(len(values)), examples.target][:, np.newaxis]).sum(axis=1)
    return np.where(examples.target >= 0, found, np.iinfo(np.int64).max)


def cross_validated_ranks(examples: RerankExamples, start: Floats) -> CrossValidatedRanks:
    """Return `ranks`, each by a re-ranker that was fitted without the history, in five folds.

    Neighbours are in the same fold, because histories of one user are similar and follow each other.

    Args:
        examples: candidates of n histories.
        start: as in `fit_conditional_logit`.

    Returns:
        The ranks, int64 [n] each.
    """
    fold = np.arange(len(examples.target)) * _FOLDS // max(len(examples.target), 1)
    found = CrossValidatedRanks(np.zeros(len(fold), np.int64), np.zeros(len(fold), np.int64))
    for each in range(_FOLDS):
        others, held_out = (RerankExamples(*(x[chosen] for x in examples)) for chosen in (fold != each, fold == each))
        weights = fit_conditional_logit(others, start)
        found.weighted[fold == each] = ranks(held_out, weights)
        found.corrected[fold == each] = ranks(held_out, weights, fit_network(others, weights))
    return found


def mean_metrics(target_ranks: Ints) -> dict[str, float]:
    """Return the mean recall and NDCG at rank 10.

    Args:
        target_ranks: int64 [n], as from `ranks`.

    Returns:
        The means by name.
    """
    recall, ndcg = recall_and_ndcg(target_ranks, K)
    return {f"recall@{K}": float(recall.mean()), f"ndcg@{K}": float(ndcg.mean())}


def _with_known_target(examples: RerankExamples) -> RerankExamples:
    """Return the examples whose target is a candidate. The mean of their weights is 1."""
    known = examples.target >= 0
    weight = examples.weight[known]
    mean = max(float(weight.sum()), 1e-9) / max(len(weight), 1)
    return RerankExamples(examples.scores[known], examples.present[known], examples.target[known], weight / mean)


def _listwise_task() -> tfrs.tasks.Ranking:
    """Return TFRS's ranking task with a softmax cross-entropy over each list of candidates."""
    return tfrs.tasks.Ranking(tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), name="listwise")


def _collect_examples(model: NextItemModel, validation: tf.data.Dataset) -> RerankExamples:
    # One trace for all sizes of a batch: the last one is smaller.
    examples_of = tf.function(model.rerank_examples, autograph=False, input_signature=[validation.element_spec])
    batches = [[part.numpy() for part in examples_of(batch)] for batch in validation]
    return RerankExamples(*(np.concatenate(part) for part in zip(*batches, strict=True)))
