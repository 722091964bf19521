"""The trained part of a model, in a file from which a refit rebuilds the model with other counts."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import InputError
from trainer.network.candidate_network import CandidateNetwork, NetworkWeights
from trainer.network.model import NextItemModel

_FILE = "trained.npz"
_SCORE_WEIGHTS, _SERVES_RERANKED, _NETWORK = "score_weights", "serves_reranked", "network_"
_CANDIDATE_NETWORK = "candidate_network_"
_STEPS, _SCALES, _SEEN = "steps_per_epoch", "rate_scales", "seen_items"


class TrainingCourse(NamedTuple):
    """The course of a training until its best epoch."""

    steps_per_epoch: int
    rate_scales: npt.NDArray[np.float32]  # [epochs], the factor of the learning rate in each epoch (`plateau`)


class TrainedState(NamedTuple):
    """All that a training has fitted. The rest of a model is counted from the training examples."""

    network: list[npt.NDArray[np.float32]]  # the values of the trainable variables, in their order
    score_weights: npt.NDArray[np.float32]  # [score_names], the re-ranker's weights
    candidate_network: NetworkWeights | None  # of the re-ranker, if it has a network
    serves_reranked: bool  # whether the re-ranked candidates are served
    course: TrainingCourse
    seen_items: npt.NDArray[np.bool_]  # [1 + items], whether the training has interactions with an item


def write_trained_state(folder: str, model: NextItemModel, course: TrainingCourse) -> None:
    """Write the trained part of a model.

    Args:
        folder: an existing folder, on any file system that TensorFlow knows.
        model: the model, with its re-ranker fitted.
        course: the course of its training.
    """
    arrays = {f"{_NETWORK}{number:05}": weight.numpy() for number, weight in enumerate(model.trainable_variables)}
    if model.candidate_network is not None:
        network = model.candidate_network.weights._asdict()
        arrays.update({f"{_CANDIDATE_NETWORK}{name}": values for name, values in network.items()})
    content = io.BytesIO()
    np.savez(
        content,
        **arrays,
        **{
            _SCORE_WEIGHTS: model.score_weights.numpy(),
            _SERVES_RERANKED: np.array(model.serves_reranked),
            _STEPS: np.array(course.steps_per_epoch),
            _SCALES: course.rate_scales,
            _SEEN: model.items.seen.numpy(),
        },
    )
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/{_FILE}", "wb") as file:
        file.write(content.getvalue())


def read_trained_state(folder: str) -> TrainedState:
    """Read what `write_trained_state` wrote.

    Args:
        folder: the folder.

    Returns:
        The trained part of the model.

    Raises:
        InputError: there is no such file.
    """
    path = f"{folder}/{_FILE}"
    if not tf.io.gfile.exists(path):
        raise InputError(
            expected=f"the weights of a trained model in {path}",
            received="no such file",
            remedy="train the model again with this version of temporec",
        )
    with tf.io.gfile.GFile(path, "rb") as file:
        arrays = np.load(io.BytesIO(file.read()))
    network = [arrays[key] for name in NetworkWeights._fields if (key := f"{_CANDIDATE_NETWORK}{name}") in arrays]
    return TrainedState(
        [arrays[name] for name in sorted(arrays.files) if name.startswith(_NETWORK)],
        arrays[_SCORE_WEIGHTS],
        NetworkWeights(*network) if network else None,
        bool(arrays[_SERVES_RERANKED]),
        TrainingCourse(int(arrays[_STEPS]), arrays[_SCALES]),
        arrays[_SEEN],
    )


def restore(model: NextItemModel, state: TrainedState) -> None:
    """Set the trained part of a model that has the same settings and the same items.

    Args:
        model: the model, with all its weights.
        state: the values.
    """
    for variable, value in zip(model.trainable_variables, state.network, strict=True):
        variable.assign(value)
    model.items.seen.assign(state.seen_items)
    set_reranker(model, state)


def set_reranker(model: NextItemModel, state: TrainedState) -> None:
    """Set the re-ranker of a model that has the same scores.

    Args:
        model: the model.
        state: the values.
    """
    network = CandidateNetwork(state.candidate_network) if state.candidate_network else None
    model.set_reranker(state.score_weights, network, serve=state.serves_reranked)
