"""The weight of a target's event multiplies its term in the loss."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schemas.config import ModelConfig
from schemas.config.log import Feature
from schemas.features import EVENT, ITEM_IDS, codes_key
from tests.trainer.network.test_model import network, padded, query
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec, read_feature_spec
from trainer.network.model import NextItemModel

VIEW, BUY = 1, 2  # codes
UNWEIGHTED, WEIGHTED = FeatureSpec(), FeatureSpec(batch_columns=(EVENT,), event_weights=(1.0, 1.0, 2.0, 1.0))


def model(spec: FeatureSpec) -> NextItemModel:
    return network(dropout=0.0, feature_spec=spec)


def batch(items: list[int], events: list[int]) -> dict[str, Any]:
    """Return the window of a sequence of items."""
    codes = {codes_key(EVENT): tf.constant([events], tf.int64)}
    return {ITEM_IDS: padded([items[:-1]]), NEXT_IDS: padded([items[1:]]), **codes}


def losses(network: NextItemModel, inputs: dict[str, Any]) -> tuple[dict[str, float], list[Any]]:
    """Return the losses of a batch, and the gradients of their sum, as if it had one target."""
    tf.random.set_global_generator(tf.random.Generator.from_seed(3))
    with tf.GradientTape() as tape:
        found = network.joint_loss(inputs, tf.ones([]), training=False)
    gradients = tape.gradient(found["loss"], network.trainable_variables)
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients if gradient is not None]
    return {name: float(loss) for name, loss in found.items()}, dense


def test_target_of_twice_the_weight_has_twice_the_loss_and_gradient() -> None:
    weighted = model(WEIGHTED)

    (view, view_gradients), (buy, buy_gradients) = (
        losses(weighted, batch([3, 1], [BUY, event])) for event in (VIEW, BUY)
    )

    assert view["retrieval_loss"] > 0.1
    assert buy == pytest.approx({name: 2 * loss for name, loss in view.items()}, rel=1e-5)
    assert any(np.abs(gradient).max() > 0.01 for gradient in view_gradients)
    for single, double in zip(view_gradients, buy_gradients, strict=True):
        np.testing.assert_allclose(double, 2 * single, rtol=1e-4, atol=1e-6)


def test_weight_of_one_target_multiplies_its_term_of_the_sum() -> None:
    weighted, items = model(WEIGHTED), [3, 1, 4, 5]
    terms = []
    for last in (1, 2, 3):
        scores = weighted.candidates().numpy().astype(np.float64) @ query(weighted, padded([items[:last]])).numpy()[0]
        terms.append(np.log(np.exp(scores).sum()) - scores[items[last] - 1])

    found, _ = losses(weighted, batch(items, [BUY, VIEW, BUY, VIEW]))  # the first is no target

    assert found["retrieval_loss"] == pytest.approx(terms[0] + 2 * terms[1] + terms[2], rel=1e-5)


def test_weights_of_one_give_the_loss_without_weights() -> None:
    sequence = batch([3, 1, 4, 5], [VIEW] * 4)

    assert losses(model(WEIGHTED), sequence)[0] == losses(model(UNWEIGHTED), sequence)[0]


def test_read_feature_spec_orders_weights_by_the_codes_of_events(tmp_path: Path) -> None:
    (tmp_path / EVENT).write_text("buy\nview\n")
    event = Feature(name=EVENT, column="e", kind="category", of="interaction", separator=None)

    spec = read_feature_spec(lambda name: str(tmp_path / name), {}, ModelConfig(), [event], {"view": 0.5, "buy": 3.0})

    assert spec.event_weights == (1.0, 3.0, 0.5, 1.0)
    assert spec.batch_columns == (EVENT,)
    assert not spec.encodings.columns  # the model does not read it
