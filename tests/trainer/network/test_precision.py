"""`train.mixed_precision`: products in bfloat16, which has 8 bits of precision, all else in float32."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import ITEM_IDS, TIME_CODES, codes_key
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from tests.trainer.fitting import TRAIN, fit_planted
from tests.trainer.network.test_model import ITEMS, network, padded
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec
from trainer.data.item_features import ItemFeatures
from trainer.network.attention import ATTENTION

SEQUENCES = [[3, 1, 4, 1, 5, 9], [2, 6, 5, 3], [7, 9]]


@pytest.fixture(autouse=True)
def full_precision_after() -> Iterator[None]:
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


def retrieval_loss(policy: str, kind: str = "full", **settings: Any) -> tuple[float, list[npt.NDArray[np.float32]]]:
    """Return the loss of a batch and its gradients."""
    tf.keras.mixed_precision.set_global_policy(policy)
    loss = config.LossConfig.model_validate({"kind": kind, "negatives": 20})
    model = network(dropout=0.0, train=config.TrainConfig(loss=loss), **settings)
    item_ids, next_ids = padded([s[:-1] for s in SEQUENCES]), padded([s[1:] for s in SEQUENCES])
    rng = np.random.default_rng(0)
    codes = {codes_key(name): rng.integers(1, 3, (3, item_ids.shape[1] + 1)) for name in TIME_CODES}
    tf.random.set_global_generator(tf.random.Generator.from_seed(3))
    with tf.GradientTape() as tape:
        found = model.compute_loss({ITEM_IDS: item_ids, NEXT_IDS: next_ids, **codes}, training=True)
    assert found.dtype == tf.float32
    gradients = tape.gradient(found, model.trainable_variables)
    return float(found), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def assert_near(**settings: Any) -> None:
    full, full_gradients = retrieval_loss("float32", **settings)
    mixed, gradients = retrieval_loss("mixed_bfloat16", **settings)
    assert mixed == pytest.approx(full, rel=0.02)
    assert mixed != full  # otherwise nothing was computed in bfloat16
    flat, expected = (np.concatenate([x.ravel() for x in found]) for found in (gradients, full_gradients))
    assert flat @ expected > 0.98 * np.linalg.norm(flat) * np.linalg.norm(expected)


@pytest.mark.parametrize("kind", ["full", "sampled", "in_batch", "binary"])
def test_losses_and_gradients_in_mixed_precision_are_close(kind: str) -> None:
    assert_near(kind=kind)


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_each_attention_in_mixed_precision_is_close(kind: str) -> None:
    assert_near(attention={"kind": kind})


def test_all_inputs_in_mixed_precision_are_close() -> None:
    genre = np.arange(ITEMS + 1) % 3
    columns = FeatureSpec(
        encodings=FeatureEncodings(gap_boundaries=np.array([10.0], np.float32), times=True),
        item_encodings={"genre": (FeatureEncoding(boundaries=np.array([1.0], np.float32)), None)},
    )
    images = ItemFeatures(vectors={"image": np.eye(ITEMS + 1, 5, dtype=np.float32)})
    inputs = {"position": True, "time": True, "query_time": True}
    # Both runs drop the query time of the same histories.
    assert_near(feature_spec=columns, item_codes={"genre": genre}, item_features=images, inputs=inputs)


def test_mixed_precision_learns_a_planted_rule_with_float32_weights(tmp_path: Path) -> None:
    result = fit_planted(tmp_path, [], TRAIN.model_copy(update={"mixed_precision": True}))
    model = result.model

    assert result.model_info.validation["retrieval"]["recall@10"] > 0.9
    assert {variable.dtype for variable in model.variables if variable.dtype.is_floating} == {tf.float32}
    history = model.encode(padded(SEQUENCES))
    assert history.query.dtype == history.attention.dtype == tf.float32
    assert model.rank(history, tf.constant([[1, 2]] * 3, tf.int64)).dtype == tf.float32
