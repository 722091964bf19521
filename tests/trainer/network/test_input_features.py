"""Input features: the network learns from them, and reads no feature of the target."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import TIME_CODES
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from tests.trainer.examples import read, write_examples
from trainer.data.feature_spec import FeatureSpec
from trainer.network.input_features import InputFeatures
from trainer.training.fit import FitData, fit

ITEMS, LENGTH, USERS = 30, 6, 300
EVENT = FeatureEncoding(boundaries=np.arange(1, ITEMS, dtype=np.float32))  # codes 1..ITEMS


def sequences() -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(1, ITEMS + 1, (USERS, LENGTH + 2))


def recall(
    folder: Path, columns: FeatureSpec, inputs: dict[str, Any], codes: dict[str, npt.NDArray[np.int64]]
) -> float:
    """Return validation recall@10 after a training on random sequences with these codes."""
    items = sequences()
    train, validation = (
        write_examples(
            folder / f"{name}.gz",
            [(row[: end - 1].tolist(), int(row[end - 1]), []) for row in items],
            {column: values[:, :end].tolist() for column, values in codes.items()},
        )
        for name, end in (("train", LENGTH + 1), ("eval", LENGTH + 2))
    )
    result = fit(
        FitData(read(train, columns=list(codes)), read(validation, columns=list(codes)), ITEMS, columns),
        config.TrainerConfig(
            history=config.HistoryConfig(max_length=LENGTH + 1),
            model=config.ModelConfig.model_validate(
                {"dim": 16, "encoder": {"units": 16}, "dropout": 0.1, "inputs": inputs}
            ),
            train=config.TrainConfig(epochs=8, batch_size=32, learning_rate=0.02, warmup_steps=5, patience=8, seed=5),
            serving=config.ServingConfig(remove_seen=False),
        ),
        str(folder / "logs"),
        str(folder / "checkpoints"),
    )
    return max(result.model.history.history["val_recall@10"])


def test_model_learns_next_item_from_event(tmp_path: Path) -> None:
    """The event of an interaction is the next item's number. Without it, a third is found by chance."""
    events = np.roll(sequences(), -1, axis=1)
    columns = FeatureSpec(encodings=FeatureEncodings(columns={"event": EVENT}), batch_columns=("event",))

    assert recall(tmp_path, columns, {"columns": ("event",)}, {"event": events}) > 0.95


def test_model_learns_next_item_from_query_time(tmp_path: Path) -> None:
    """The gap before an interaction is the number of its item."""
    gaps = sequences()
    codes = {"gap": gaps, "hour": np.ones_like(gaps), "weekday": np.ones_like(gaps)}
    encodings = FeatureEncodings(gap_boundaries=EVENT.boundaries, times=True, query_times=True)

    assert recall(tmp_path, FeatureSpec(encodings, TIME_CODES), {"query_time": True}, codes) > 0.95


def test_model_without_query_time_cannot_read_the_next_gap(tmp_path: Path) -> None:
    gaps = sequences()
    codes = {"gap": gaps, "hour": np.ones_like(gaps), "weekday": np.ones_like(gaps)}
    encodings = FeatureEncodings(gap_boundaries=EVENT.boundaries, times=True)

    assert recall(tmp_path, FeatureSpec(encodings, TIME_CODES), {"time": True}, codes) < 0.6


def inputs(**settings: Any) -> InputFeatures:
    encodings = FeatureEncodings(
        gap_boundaries=np.array([1.0, 2.0], np.float32),
        times=True,
        query_times=bool(settings.get("query_time")),
        columns=dict.fromkeys(settings.get("columns", ()), EVENT),
    )
    return InputFeatures(config.InputsConfig.model_validate(settings), encodings, 4, LENGTH)


def codes(**changed: list[int]) -> dict[str, tf.Tensor]:
    """Return codes of a history of three interactions and the query."""
    given = {"gap": [0, 1, 2, 3], "hour": [5, 6, 7, 8], "weekday": [1, 2, 3, 4], "event": [9, 8, 7, 6], **changed}
    return {name: tf.constant([values], tf.int64) for name, values in given.items()}


def added(layer: InputFeatures, given: dict[str, tf.Tensor]) -> npt.NDArray[np.float32]:
    """Return the sum of the features' vectors at each of three positions, [3, 4]."""
    return np.asarray(layer(tf.zeros([1, 3, 4]), given)[0])


@pytest.mark.parametrize(
    ("settings", "changed", "positions"),
    [
        ({"position": True}, {"gap": [3, 3, 3, 3], "event": [1, 1, 1, 1]}, []),
        ({"time": True}, {"event": [1, 1, 1, 1]}, []),
        ({"time": True}, {"hour": [5, 9, 7, 8]}, [1]),
        ({"time": True}, {"gap": [0, 1, 2, 1], "hour": [5, 6, 7, 1]}, []),  # the query's time is not read
        ({"query_time": True}, {"gap": [0, 1, 2, 1]}, [2]),
        ({"query_time": True}, {"weekday": [1, 7, 3, 4]}, [0]),  # read at the position before
        ({"columns": ["event"]}, {"event": [9, 1, 7, 6]}, [1]),
        ({"columns": ["event"]}, {"event": [9, 8, 7, 1]}, []),
    ],
)
def test_code_changes_the_vectors_of_the_positions_that_read_it(
    settings: dict[str, Any], changed: dict[str, list[int]], positions: list[int]
) -> None:
    layer = inputs(**settings)
    before, after = added(layer, codes()), added(layer, codes(**changed))

    assert np.abs(before).max() > 0
    assert np.flatnonzero(np.any(before != after, axis=1)).tolist() == positions


def test_code_zero_adds_zero() -> None:
    layer = inputs(time=True, query_time=True, columns=["event"])
    none = {name: [0, 0, 0, 0] for name in ("gap", "hour", "weekday", "event")}

    assert not added(layer, codes(**none)).any()
