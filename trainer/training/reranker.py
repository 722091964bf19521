"""The re-ranker's weights: how much each score of a candidate counts, fitted to validation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import optimize

from schemas.config.evaluation import K
from trainer.metrics import recall_and_ndcg
from trainer.network.model import NextItemModel
from trainer.network.model_info import ModelInfo
from trainer.training.progress import LOGGER

_RIDGE = 1e-3  # keeps the weights of equal scores from growing in opposite directions
_FOLDS = 5

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class RerankExamples(NamedTuple):
    """Candidates of some histories with their scores, and the target among them.

    Args:
        scores: float32 [n, candidates, scores].
        present: bool [n, candidates], False where there is no candidate.
        target: int64 [n], the index of the target; -1 if it is not a candidate.
    """

    scores: Floats
    present: npt.NDArray[np.bool_]
    target: Ints


def fit_reranker(model: NextItemModel, validation: tf.data.Dataset) -> ModelInfo:
    """Fit the model's score weights to validation, and let it serve the better stage.

    Args:
        model: a trained model; its weights and stage are set.
        validation: batches from `eval_batches`.

    Returns:
        The metrics of both stages, and the stage that is served.
    """
    examples = _collect_examples(model, validation)
    start = model.score_weights.numpy()
    stages = {
        "retrieval": mean_metrics(ranks(examples, start)),
        "ranking": mean_metrics(cross_validated_ranks(examples, start)),
    }
    weights = fit_conditional_logit(examples, start)
    served = "ranking" if stages["ranking"][f"ndcg@{K}"] > stages["retrieval"][f"ndcg@{K}"] else "retrieval"
    model.set_reranker(weights, serve=served == "ranking")
    LOGGER.info(
        "the %s stage is served: in validation retrieval reaches %s, ranking %s",
        served,
        *(", ".join(f"{name} {value:.4f}" for name, value in found.items()) for found in stages.values()),
    )
    return ModelInfo(
        served=served,
        validation=stages,
        exported=mean_metrics(ranks(examples, weights)) if served == "ranking" else stages["retrieval"],
        parameters=sum(int(weight.shape.num_elements()) for weight in model.trainable_variables),
        score_weights=dict(zip(model.score_names, weights.tolist(), strict=True)),
    )


def fit_conditional_logit(examples: RerankExamples, start: Floats) -> Floats:
    """Fit weights that maximize the likelihood of the targets under a softmax of the weighted scores.

    This is a conditional logit (McFadden 1974) with a small ridge towards `start`.

    Args:
        examples: candidates; only those with a target among them are used.
        start: float32 [scores], the weights that are returned if no example can be used.

    Returns:
        float32 [scores].

    Example:
        >>> scores = np.array([[[1.0], [0.0]], [[1.0], [0.0]], [[0.0], [1.0]]], np.float32)
        >>> examples = RerankExamples(scores, np.ones((3, 2), bool), np.array([0, 0, 0]))
        >>> fit_conditional_logit(examples, np.zeros(1, np.float32)).round(2)  # 2 of 3 targets score higher: log 2
        array([0.69], dtype=float32)
    """
    known = examples.target >= 0
    scores, present, target = (x[known] for x in examples)
    if not len(scores):
        return start
    rows = np.arange(len(scores))

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        values = np.where(present, scores @ weights.astype(np.float32), -np.inf)
        values -= values.max(axis=1, keepdims=True)
        probabilities = np.exp(values)
        total = probabilities.sum(axis=1, keepdims=True)
        probabilities /= total
        expected = np.einsum("nc,ncs->ns", probabilities, scores)
        away = weights - start
        gradient = (expected - scores[rows, target]).mean(axis=0) + 2 * _RIDGE * away
        return float((np.log(total[:, 0]) - values[rows, target]).mean() + _RIDGE * away @ away), gradient

    found = optimize.minimize(loss, start.astype(np.float64), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float32)


def ranks(examples: RerankExamples, weights: Floats) -> Ints:
    """Return the rank of each target among the candidates, by the weighted scores.

    Args:
        examples: candidates of n histories.
        weights: float32 [scores].

    Returns:
        int64 [n], from 1. Among equal scores the target is last. A target that
        is not a candidate has the greatest int64, a rank beyond any list.
    """
    values = np.where(examples.present, examples.scores @ weights, -np.inf)
    found = (values >= values[np.arange(len(values)), examples.target][:, np.newaxis]).sum(axis=1)
    return np.where(examples.target >= 0, found, np.iinfo(np.int64).max)


def cross_validated_ranks(examples: RerankExamples, start: Floats) -> Ints:
    """Return `ranks`, each by weights that were fitted without the history, in five folds.

    Neighbours are in the same fold, because histories of one user are similar and follow each other.

    Args:
        examples: candidates of n histories.
        start: as in `fit_conditional_logit`.

    Returns:
        int64 [n].
    """
    fold = np.arange(len(examples.target)) * _FOLDS // max(len(examples.target), 1)
    found = np.zeros(len(fold), np.int64)
    for each in range(_FOLDS):
        weights = fit_conditional_logit(RerankExamples(*(x[fold != each] for x in examples)), start)
        found[fold == each] = ranks(RerankExamples(*(x[fold == each] for x in examples)), weights)
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


def _collect_examples(model: NextItemModel, validation: tf.data.Dataset) -> RerankExamples:
    # One trace for all sizes of a batch: the last one is smaller.
    examples_of = tf.function(model.rerank_examples, autograph=False, input_signature=[validation.element_spec])
    batches = [[part.numpy() for part in examples_of(batch)] for batch in validation]
    return RerankExamples(*(np.concatenate(part) for part in zip(*batches, strict=True)))
