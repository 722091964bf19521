"""What the network reads beside items: that it learns from it, and reads nothing of what it must not know."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import TIME_CODES
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from tests.trainer.examples import write_examples
from trainer.data.feature_spec import FeatureSpec
from trainer.network.input_features import InputFeatures
from trainer.training.fit import fit

ITEMS, LENGTH, USERS = 30, 6, 300
EVENT = FeatureEncoding(boundaries=np.arange(1, ITEMS, dtype=np.float32))  # codes 1..ITEMS


def sequences() -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(1, ITEMS + 1, (USERS, LENGTH + 2))


def recall(
    folder: Path, columns: FeatureSpec, inputs: dict[str, Any], codes: dict[str, npt.NDArray[np.int64]]
) -> float:
    """Validation's recall@10 after a training on random sequences with these codes."""
    items = sequences()
    train, validation = (
        write_examples(
            folder / f"{name}.gz",
            [(row[: end - 1].tolist(), int(row[end - 1]), []) for row in items],
            {column: values[:, :end].tolist() for column, values in codes.items()},
        )
        for name, end in (("train", LENGTH + 1), ("eval", LENGTH + 2))
    )
    model = fit(
        [train],
        [validation],
        ITEMS,
        config.HistoryConfig(max_length=LENGTH + 1),
        config.ModelConfig.model_validate(
            {"dim": 16, "encoder": {"units": 16}, "dropout": 0.1, "reranker": {"hidden": [8]}, "inputs": inputs}
        ),
        config.TrainConfig(epochs=8, batch_size=32, learning_rate=0.02, warmup_steps=5, patience=8, seed=5),
        str(folder / "logs"),
        str(folder / "checkpoints"),
        remove_seen=False,
        columns=columns,
    )
    return max(model.history.history["val_recall@10"])


def test_learns_what_an_event_says_of_the_next_item(tmp_path: Path) -> None:
    """The event beside an interaction is the next item's number; without it one in three is found by chance."""
    events = np.roll(sequences(), -1, axis=1)
    columns = FeatureSpec(encodings=FeatureEncodings(columns={"event": EVENT}), batch_columns=("event",))

    assert recall(tmp_path, columns, {"columns": ("event",)}, {"event": events}) > 0.95


def test_learns_what_the_time_of_the_query_says_of_the_next_item(tmp_path: Path) -> None:
    """The gap before an interaction is its item's number."""
    gaps = sequences()
    codes = {"gap": gaps, "hour": np.ones_like(gaps), "weekday": np.ones_like(gaps)}
    encodings = FeatureEncodings(gap_boundaries=EVENT.boundaries, times=True, query_times=True)

    assert recall(tmp_path, FeatureSpec(encodings, TIME_CODES), {"query_time": True}, codes) > 0.95


def test_without_the_time_of_the_query_there_is_nothing_to_learn(tmp_path: Path) -> None:
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
    """Of a history of three and what follows."""
    given = {"gap": [0, 1, 2, 3], "hour": [5, 6, 7, 8], "weekday": [1, 2, 3, 4], "event": [9, 8, 7, 6], **changed}
    return {name: tf.constant([values], tf.int64) for name, values in given.items()}


def added(layer: InputFeatures, given: dict[str, tf.Tensor]) -> npt.NDArray[np.float32]:
    """What is added at each of the three places, [3, 4]."""
    return np.asarray(layer(tf.zeros([1, 3, 4]), given)[0])


@pytest.mark.parametrize(
    ("settings", "changed", "places"),
    [
        ({"position": True}, {"gap": [3, 3, 3, 3], "event": [1, 1, 1, 1]}, []),
        ({"time": True}, {"event": [1, 1, 1, 1]}, []),
        ({"time": True}, {"hour": [5, 9, 7, 8]}, [1]),
        ({"time": True}, {"gap": [0, 1, 2, 1], "hour": [5, 6, 7, 1]}, []),  # what follows is not known
        ({"query_time": True}, {"gap": [0, 1, 2, 1]}, [2]),
        ({"query_time": True}, {"weekday": [1, 7, 3, 4]}, [0]),  # known at the place before
        ({"columns": ["event"]}, {"event": [9, 1, 7, 6]}, [1]),
        ({"columns": ["event"]}, {"event": [9, 8, 7, 1]}, []),
    ],
)
def test_what_a_place_reads(settings: dict[str, Any], changed: dict[str, list[int]], places: list[int]) -> None:
    layer = inputs(**settings)
    before, after = added(layer, codes()), added(layer, codes(**changed))

    assert np.abs(before).max() > 0
    assert np.flatnonzero(np.any(before != after, axis=1)).tolist() == places


def test_what_is_not_known_adds_nothing() -> None:
    layer = inputs(time=True, query_time=True, columns=["event"])
    none = {name: [0, 0, 0, 0] for name in ("gap", "hour", "weekday", "event")}

    assert not added(layer, codes(**none)).any()
