"""Images of attention in TensorBoard's files."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.trainer.events import events, series
from tests.trainer.examples import read
from tests.trainer.fitting import ITEMS, MODEL, TRAIN, fit_planted
from trainer.data.batches import eval_batches
from trainer.training.callbacks.attention_images import IMAGES, heat_map

BLACK, RED, YELLOW, WHITE = [0, 0, 0], [255, 0, 0], [255, 255, 0], [255, 255, 255]


def test_heat_map_colors_weights_relative_to_greatest_of_row() -> None:
    picture = heat_map(np.array([[0.6, 0.0, 0.0], [0.2, 0.1, 0.3], [0.0, 0.0, 0.0]], np.float32))
    assert picture.shape == (258, 258, 3)  # 86 pixels for each weight: 3 * 86 is the first multiple of 3 above 256
    assert picture[::86, ::86].tolist() == [[WHITE, BLACK, BLACK], [YELLOW, RED, WHITE], [BLACK, BLACK, BLACK]]
    assert picture[85, 85].tolist() == WHITE


@given(
    weights=st.integers(1, 9).flatmap(
        lambda n: arrays.arrays(np.float32, (n, n), elements=st.floats(0, 1, width=32, allow_subnormal=False))
    )
)
def test_heat_map_never_draws_greater_weights_darker(weights: np.typing.NDArray[np.float32]) -> None:
    n = len(weights)
    brightness = heat_map(weights).astype(int).sum(axis=2)[:: -(-256 // n), :: -(-256 // n)]
    for row, shown in zip(weights, brightness, strict=True):
        order = np.argsort(row)
        assert np.all(np.diff(shown[order]) >= 0)
        assert shown.max() == (3 * 255 if row.max() > 0 else 0)


def test_attention_images_show_longest_validation_histories_after_each_epoch(tmp_path: Path) -> None:
    """The last row equals the model's attention of the last position, in the epoch whose weights it kept."""
    model = fit_planted(tmp_path, []).model
    best = int(np.argmax(model.history.history["val_ndcg@10"]))
    folder = tmp_path / "logs" / "validation"
    tags = [tag for tag in events(folder).Tags()["tensors"] if tag.startswith("attention/")]
    assert tags == [f"attention/history_{n}" for n in range(1, 1 + IMAGES)]
    (batch,) = eval_batches(read(str(tmp_path / "eval.gz")), ITEMS, 1000)
    lengths = np.count_nonzero(batch["item_ids"], axis=1)
    longest = np.flatnonzero(lengths == lengths.max())
    assert len(longest) >= IMAGES
    for tag, row in zip(tags, longest, strict=False):
        found = series(folder, tag)
        assert [epoch for epoch, _ in found] == list(range(TRAIN.epochs))
        picture = tf.io.decode_png(found[best][1][2]).numpy()
        n = lengths.max()
        squares = picture[:: len(picture) // n, :: len(picture) // n]
        assert squares.shape == (n, n, 3)
        assert not squares[np.triu_indices(n, 1)].any()  # no weight on later positions
        attention = model.encode(batch["item_ids"][row : row + 1]).attention.numpy()
        expected = heat_map(np.tile(attention[:, :n], [n, 1]))[0, :: len(picture) // n]
        np.testing.assert_allclose(squares[-1].astype(int), expected, atol=1)


def test_attention_images_without_blocks_are_not_written(tmp_path: Path) -> None:
    none = MODEL.model_copy(update={"attention": MODEL.attention.model_copy(update={"blocks": 0})})
    fit_planted(tmp_path, [], TRAIN.model_copy(update={"epochs": 1}), model=none)
    tags = events(tmp_path / "logs" / "validation").Tags()["tensors"]
    assert "epoch_ndcg@10" in tags
    assert not any(tag.startswith("attention") for tag in tags)
