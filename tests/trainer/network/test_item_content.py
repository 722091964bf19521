"""The network with content of items: gradients, losses, training on content alone, export and refit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import tensorflow as tf
from pyarrow import parquet

from schemas import config
from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID
from tests.trainer.examples import read, write_examples
from tests.trainer.fitting import ITEMS as SEEN
from tests.trainer.fitting import MODEL, trainer_config, write_planted
from tests.trainer.network.test_model import DIM, HISTORIES, ITEMS, gradients, losses, network, padded, query
from trainer.baselines.constants import ITEMS_FILE
from trainer.data.item_features import ItemEncoding, ItemFeatures
from trainer.data.tokens import TextEncoding
from trainer.network.model import NextItemModel
from trainer.run_fn import export_model
from trainer.training.fit import FitData, FitResult, fit
from trainer.training.refit import recount
from trainer.training.reranker import fit_reranker
from trainer.training.trained_state import TrainedState, read_trained_state, write_trained_state

NUMBERS = np.arange(ITEMS + 1)[:, np.newaxis]
CONTENT = ItemFeatures(  # items 5, 11, ... have no genre, items 4, 8, ... no image
    {"genres": np.where(NUMBERS % 6 == 5, 0, 1 + (NUMBERS + np.arange(2)) % 3)},
    {"image": np.where(NUMBERS % 4, np.cos(NUMBERS * np.arange(1, 4)), np.nan).astype(np.float32)},
    np.where(NUMBERS % 7 != 2, 1 + (NUMBERS + np.arange(3)) % 5, 0)[:, np.newaxis].astype(np.int32),  # 2, 9, ... none
    ItemEncoding(text=TextEncoding(("title",), ("a", "b", "c", "d"), 3)),
)
TWINS = 2 * SEEN  # item 40 + i has the content of item i, and no interaction


@pytest.mark.parametrize("kind", ["full", "sampled", "in_batch", "binary"])
def test_joint_loss_has_a_gradient_for_each_source(kind: Literal["full", "sampled", "in_batch", "binary"]) -> None:
    train = config.TrainConfig(loss=config.LossConfig(kind=kind, negatives=20))
    model = network(dropout=0.0, train=train, item_features=CONTENT, id_dropout=0.5)
    assert {name for name, gradient in gradients(model).items() if gradient < 1e-9} == set()


def test_full_loss_compares_seen_items_only() -> None:
    """Items 29 and 30 have no interaction: no loss compares them, and they are candidates all the same."""
    model = network(dropout=0.0, item_features=CONTENT, unseen=2)
    found = losses(model, padded([[3, 1]]), padded([[1, 4]]))
    candidates = model.candidates().numpy().astype(np.float64)
    expected = []
    for history, target in (([3], 1), ([3, 1], 4)):
        scores = candidates @ query(model, padded([history])).numpy()[0].astype(np.float64)
        expected.append(np.log(np.exp(scores[:28]).sum()) - scores[target - 1])
    assert found["retrieval_loss"] == pytest.approx(np.mean(expected), rel=1e-5)
    assert candidates.shape == (ITEMS, DIM + 1)


@pytest.mark.parametrize("kind", ["evaluation", "reranker"])
def test_items_are_computed_once_for_all_batches_with_the_weights_of_their_time(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(item_features=CONTENT, unseen=2, remove_seen=False)
    model.compile()
    computed, compute = tf.Variable(0), model.items.compute

    def counted(*arguments: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        computed.assign_add(1)  # in a graph, too
        return compute(*arguments)

    monkeypatch.setattr(model.items, "compute", counted)
    targets = tf.constant([[2], [13], [24], [5]], tf.int64)
    rows = {ITEM_IDS: padded(HISTORIES), EXCLUDE_IDS: tf.zeros([4, 0], tf.int64), TARGET_ID: targets[:, 0]}
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(1)  # four of them
    found = []
    for times in (1, 2):
        ranks = ranks_of(model, rows[ITEM_IDS], targets)
        model.set_reranker(np.eye(1, len(model.score_names), dtype=np.float32)[0], None, serve=False)
        computed.assign(0)
        if kind == "evaluation":
            found.append(model.evaluate(batches, verbose=0, return_dict=True)["ndcg@10"])
        else:
            found.append(fit_reranker(model, batches).info.validation["retrieval"]["ndcg@10"])
        assert int(computed) == 1
        gains = np.where(ranks <= 10, 1 / np.log2(1.0 + ranks), 0.0)
        assert found[-1] == pytest.approx(gains.mean(), rel=1e-5)
        for weight in model.trainable_variables:
            weight.assign(-weight * times)
    assert found[0] != pytest.approx(found[1], rel=0.01)


def ranks_of(model: NextItemModel, item_ids: tf.Tensor, targets: tf.Tensor) -> npt.NDArray[np.int64]:
    scores = model.encode(item_ids).query.numpy() @ model.candidates().numpy().T
    of_target = np.take_along_axis(scores, targets.numpy() - 1, axis=1)
    return np.asarray((scores >= of_target).sum(axis=1))


class Trained:
    """A training on planted sequences of 40 items, in a vocabulary of 80."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        codes = np.append(0, np.tile(np.arange(1, SEEN + 1), 2))[:, np.newaxis]
        train, validation = write_planted(folder)
        content = ItemFeatures({"code": codes})
        self.data = FitData(read(train), read(validation), TWINS, item_features=content)
        self.config = trainer_config(MODEL.model_copy(update={"items": config.ItemTowerConfig(id_dropout=0.5)}))
        self.result: FitResult = fit(self.data, self.config, str(folder / "logs"), str(folder / "checkpoints"))
        self.vectors = self.result.model.candidates().numpy()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("trained"))


def nearest(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the seen item nearest to each unseen one, by the cosine."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.argmax(unit[SEEN:] @ unit[:SEEN].T, axis=1)


def test_unseen_item_is_near_the_item_with_its_content(trained: Trained) -> None:
    assert trained.result.model_info.validation["retrieval"]["recall@10"] > 0.9
    assert (nearest(trained.vectors[:, :-1]) == np.arange(SEEN)).mean() > 0.9  # by chance 1 of 40


def test_unseen_item_is_recommended_where_its_twin_belongs(trained: Trained) -> None:
    """The planted successor of i is 1 + (21 (i - 1) + 7) modulo 40. Its unseen twin is 40 further."""
    history = tf.constant([[each] for each in range(1, SEEN + 1)], tf.int64)
    scores = trained.result.model.encode(history).query.numpy() @ trained.vectors[SEEN:].T
    best = np.argsort(-scores, axis=1)[:, :5]
    assert (best == (21 * np.arange(SEEN) + 7)[:, np.newaxis] % SEEN).any(axis=1).mean() > 0.9  # by chance 5 of 40


def refit_state(trained: Trained) -> TrainedState:
    write_trained_state(str(trained.folder / "run"), trained.result.model, trained.result.course)
    return read_trained_state(str(trained.folder / "run"))


def test_recount_leaves_an_item_to_its_content_that_the_training_has_not_seen(trained: Trained) -> None:
    """Item 80 is in the examples of the refit alone, so that its id has no trained vector."""
    more = write_examples(trained.folder / "more.gz", [([1, 80], 2, [])])
    data = replace(trained.data, training=read(str(trained.folder / "train.gz"), more))

    model = recount(data, trained.config, refit_state(trained))

    np.testing.assert_allclose(model.candidates(), trained.vectors, rtol=1e-5)


def test_exported_model_has_the_vectors_of_all_items_and_not_their_content(trained: Trained, tmp_path: Path) -> None:
    names = [str(number) for number in range(1, 1 + TWINS)]
    (tmp_path / "vocabulary").write_text("".join(f"{name}\n" for name in names))
    counts = {"item_id": names, "interactions": [1.0] * TWINS, "recent": [1.0] * TWINS}
    parquet.write_table(pa.table(counts), tmp_path / ITEMS_FILE)
    model, history = trained.result.model, tf.constant([[3, 5]], tf.int64)
    expected = model.rank(model.encode(history), tf.constant([[1, 45, 80]], tf.int64)).numpy()

    export_model(model, str(tmp_path / "model"), str(tmp_path), "", trained.config, str(tmp_path / "vocabulary"))

    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    embedded = signatures["embed"](item_ids=tf.constant(names))["embeddings"]
    np.testing.assert_allclose(embedded, trained.vectors, rtol=1e-4, atol=1e-6)
    scores = signatures["score"](
        item_ids=tf.constant([["3", "5"]]),
        candidate_ids=tf.constant([["1", "45", "80"]]),
        timestamps_s=tf.zeros([1, 1], tf.int64),
    )
    np.testing.assert_allclose(scores["scores"], expected, rtol=1e-4, atol=1e-5)
    shapes = [shape for _, shape in tf.train.list_variables(str(tmp_path / "model" / "variables" / "variables"))]
    assert [1 + TWINS, MODEL.dim] in shapes
    assert [1 + TWINS, 1] not in shapes  # the codes
    assert [SEEN, MODEL.dim] not in shapes  # their vectors
    assert not (tmp_path / "model" / "assets.extra").exists()  # content of the log alone has no table to add items from
