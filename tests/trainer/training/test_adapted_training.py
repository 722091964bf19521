"""A training with an adapted sentence encoder: what learns, what is saved, and what a refit rebuilds."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from schemas import config
from tests.trainer.examples import read
from tests.trainer.fitting import ITEMS, TRAIN, trainer_config, write_planted
from tests.trainer.sentence_files import DIM, PIECES, random_weights, write_model
from trainer.data.item_content import ItemContent
from trainer.data.item_features import align_items
from trainer.training.fit import FitData, fit
from trainer.training.refit import recount
from trainer.training.trained_state import read_trained_state, write_trained_state


def test_adapters_learn_with_the_log_and_a_refit_reads_the_encoder_again(tmp_path: Path) -> None:
    encoder = write_model(tmp_path / "encoder", random_weights())
    text = {"columns": ["title"], "kind": "adapted_encoder", "encoder": str(encoder), "rank": 1}
    network = config.ModelConfig.model_validate({"dim": 8, "encoder": {"units": 8}, "items": {"text": text}})
    loss = config.LossConfig(kind="sampled", negatives=20)
    settings = trainer_config(network, TRAIN.model_copy(update={"epochs": 2, "loss": loss}))
    ids = [str(item) for item in range(ITEMS)]
    titles = np.array([" ".join(("abcd"[item % 4], "abcd"[item // 4 % 4], "!")) for item in range(ITEMS)], dtype=object)
    items = ItemContent(np.array(ids, dtype=object), {"title": titles}, {}, {}, None, {})
    train, validation = write_planted(tmp_path)
    features = align_items(items, [], ids, network.items.text)
    data = FitData(read(train), read(validation), ITEMS, item_features=features)

    result = fit(data, settings, str(tmp_path / "logs"), str(tmp_path / "checkpoints"))

    weights = {weight.name: weight.numpy() for weight in result.model.trainable_weights}
    raised = [weight for name, weight in weights.items() if name.endswith("/up:0")]
    assert len(raised) == 4  # query and value of two layers
    assert all(np.abs(weight).max() > 1e-4 for weight in raised)  # they start at 0
    assert not any(weight.shape == (len(PIECES), DIM) for weight in weights.values())
    saved = tf.train.list_variables(tf.train.latest_checkpoint(str(tmp_path / "checkpoints")))
    assert not any(shape == [len(PIECES), DIM] for _, shape in saved)
    write_trained_state(str(tmp_path / "run"), result.model, result.course)
    rebuilt = recount(data, settings, read_trained_state(str(tmp_path / "run")))
    np.testing.assert_allclose(rebuilt.candidates(), result.model.candidates(), rtol=1e-4, atol=1e-6)
