import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from schemas.errors import InputError
from tests.trainer.examples import read, write_examples
from tests.trainer.fitting import ITEMS, TRAIN, fit_planted, trainer_config
from tests.trainer.lists import catalogue, lists
from trainer.data.batches import eval_batches
from trainer.metrics import METRICS
from trainer.training.fit import FitData, eval_batch_size, fit


class Curve(tf.keras.callbacks.Callback):
    """The logs of each epoch, and the weights at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[dict[str, float]] = []
        self.weights: list[list[npt.NDArray[np.float32]]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.logs.append({name: float(value) for name, value in (logs or {}).items()})
        self.weights.append([weight.numpy() for weight in self.model.trainable_variables])


class Run:
    def __init__(self, folder: Path, train: config.TrainConfig = TRAIN) -> None:
        self.eval_file = str(folder / "eval.gz")
        self.curve = Curve()
        self.result = fit_planted(folder, [self.curve], train)
        self.model = self.result.model


@pytest.fixture(scope="module")
def progress() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign, assignment]
    logger = logging.getLogger("temporec.progress")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield records
    logger.removeHandler(handler)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, progress: list[logging.LogRecord]) -> Run:
    return Run(tmp_path_factory.mktemp("run"))


def mean(metric: str, run: Run, by: str) -> float:
    """Return the mean metric of the ten best unseen items for each validation history."""
    ranked, targets = [], []
    for batch in eval_batches(read(run.eval_file), ITEMS, 64):
        item_ids = batch["item_ids"]
        history = run.model.encode(item_ids)
        if by == "query":
            scores = (history.query @ tf.transpose(run.model.candidates())).numpy()
        else:
            every = tf.tile(tf.range(1, ITEMS + 1, dtype=tf.int64)[tf.newaxis], [item_ids.shape[0], 1])
            scores = run.model.rank(history, every).numpy()
        for row, history in enumerate(item_ids.numpy()):
            scores[row, history[history > 0] - 1] = -np.inf
        ranked += (1 + np.argsort(-scores, axis=1)[:, :10]).tolist()
        targets += batch["target_id"].numpy().tolist()
    return float(METRICS[metric](10)(lists(ranked, [[target] for target in targets], catalogue({}))).mean())


def test_fit_learns_a_planted_rule(run: Run) -> None:
    """Each item has one successor. Both tasks must find it; ten of 40 items at random would find 0.25."""
    assert mean("recall", run, "query") > 0.9
    assert mean("recall", run, "rank") > 0.9
    assert run.curve.logs[-1]["loss"] < run.curve.logs[0]["loss"]


def test_fit_serves_the_stage_with_better_validation(
    run: Run, progress: list[logging.LogRecord], tmp_path: Path
) -> None:
    """Co-occurrence counts know the planted rule, so they help a network after one short epoch."""
    little = Run(tmp_path, train=TRAIN.model_copy(update={"epochs": 1, "learning_rate": 1e-4}))
    retrieval, ranking = (mean("ndcg", little, by) for by in ("query", "rank"))
    assert ranking > retrieval + 0.2
    assert little.model.serves_reranked
    assert little.result.stage == "ranking"
    assert "ranking" in progress[-1].getMessage()


def test_fit_restores_weights_of_best_epoch(run: Run) -> None:
    """If several epochs are equally good, the first one counts."""
    best = int(np.argmax([logs["val_ndcg@10"] for logs in run.curve.logs]))
    for kept, of_best in zip(run.model.trainable_variables, run.curve.weights[best], strict=True):
        np.testing.assert_array_equal(kept, of_best)


def test_validation_metrics_equal_those_of_the_models_lists(run: Run) -> None:
    best = max(run.curve.logs, key=lambda logs: logs["val_ndcg@10"])
    assert mean("recall", run, "query") == pytest.approx(best["val_recall@10"], abs=1e-6)
    assert mean("ndcg", run, "query") == pytest.approx(best["val_ndcg@10"], abs=1e-5)


def test_fit_with_same_seed_is_equal_and_with_other_seed_differs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "same").mkdir()
    (tmp_path / "other").mkdir()
    same = Run(tmp_path / "same")
    assert same.curve.logs == run.curve.logs
    for a, b in zip(same.model.variables, run.model.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    other = Run(tmp_path / "other", train=TRAIN.model_copy(update={"seed": 6, "epochs": 1}))
    assert other.curve.logs[0]["loss"] != run.curve.logs[0]["loss"]


def test_fit_stops_early_without_progress_in_validation(tmp_path: Path) -> None:
    """With a learning rate near 0, no epoch beats the first."""
    train = TRAIN.model_copy(update={"learning_rate": 1e-9, "patience": 2, "epochs": 9})
    assert len(Run(tmp_path, train=train).curve.logs) == 1 + 2


def test_progress_logs_a_line_for_each_epoch_with_its_parts(run: Run, progress: list[logging.LogRecord]) -> None:
    first, *_, last = progress[: TRAIN.epochs]
    assert first.getMessage().startswith(f"epoch 1/{TRAIN.epochs}  loss ")
    assert "val_recall@10" in first.getMessage()
    parts = [vars(record) for record in progress[: TRAIN.epochs]]
    assert [part["epoch"] for part in parts] == list(range(1, 1 + TRAIN.epochs))
    assert {part["epochs"] for part in parts} == {TRAIN.epochs}
    assert [part["values"]["val_recall@10"] for part in parts] == [logs["val_recall@10"] for logs in run.curve.logs]
    assert parts[0]["left_s"] == pytest.approx(parts[0]["elapsed_s"] * (TRAIN.epochs - 1))
    assert vars(last)["left_s"] == 0


@pytest.mark.parametrize("split", ["training", "validation"])
def test_split_without_examples_is_an_input_error(split: str, tmp_path: Path) -> None:
    full = write_examples(tmp_path / "full.gz", [([1, 2], 3, [])])
    empty = write_examples(tmp_path / "empty.gz", [])
    train_file, eval_file = (empty, full) if split == "training" else (full, empty)
    with pytest.raises(InputError, match=f"one {split} example"):
        fit(
            FitData(read(train_file), read(eval_file), ITEMS),
            trainer_config(),
            str(tmp_path / "logs"),
            str(tmp_path / "checkpoints"),
        )


@pytest.mark.parametrize("kind", ["concat", "general"])
def test_eval_batch_size_bounds_memory(kind: str) -> None:
    """`concat` holds 128 values for each of 200 * 200 pairs, other kinds a score for each item."""
    model = config.ModelConfig.model_validate({"dim": 128, "attention": {"kind": kind}})
    held = 200 * 200 * 128 if kind == "concat" else 1_000_000
    rows = eval_batch_size(1_000_000, 200, model)
    assert 0.5 * 2**27 < 4 * rows * held <= 2**27  # 128 MB
    assert eval_batch_size(1, 1, model) == 256
