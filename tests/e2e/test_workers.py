"""Two processes train and export together, as workers of a cluster, on the artifacts of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf

from schemas.config import Config, InputsConfig
from serving.server.servable import Servable
from tests.e2e import trained
from tests.e2e.conftest import Run, read_record
from tests.e2e.planted import ITEMS, STEP
from tests.workers import last_line, start_workers


def main(left: Path, out: Path, worker: str) -> None:
    """Train as one of the workers, and print whether the first worker's model existed at the end."""
    config = Config.model_validate(read_record(left)["config"])
    train = config.train.model_copy(update={"strategy": "multi_worker", "epochs": 6})
    model = config.model.model_copy(update={"inputs": InputsConfig(time=True)})
    training = config.trainer_config.model_copy(update={"train": train, "model": model})
    trained.train(left, out, training, f"model-{worker}")
    print((out / "model-0" / "saved_model.pb").exists())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])


def test_first_of_two_workers_exports_and_the_second_waits(first_run: Run, tmp_path: Path) -> None:
    workers = start_workers("tests.e2e.test_workers", [(first_run.left, tmp_path, worker) for worker in range(2)])
    assert [last_line(worker) for worker in workers] == ["True", "True"]
    assert not (tmp_path / "model-1").exists()
    assert not any((tmp_path / "checkpoints").iterdir())
    answer = Servable(tmp_path / "model-0", 1).predict("recommend", {"item_ids": tf.make_tensor_proto([["i3"]])})
    assert answer["item_ids"].string_val[0] == f"i{(3 + STEP) % ITEMS}".encode()
