"""Train a sequential model of RecBole on a log, and write its recommendations, time and memory.

Run it in the environment of `make_env.py`. The same command resumes an interrupted
run after its last whole epoch, and does not repeat a finished run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import recbole
import torch
from log import NAME, Log, read_log, write_atomic
from ranking import Ranker
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed
from settings import MODELS, SOURCE, TRAINING


class ResumableTrainer(Trainer):
    """RecBole's trainer that also times epochs, measures with seen items removed, and resumes.

    Args:
        config: RecBole's.
        model: RecBole's.
        loaders: RecBole's loaders of training and validation.
        ranker: ranks the items in validation.
        folder: folder for the best weights and the state after the last epoch.
        run: description of the run. The state of another run is refused.
    """

    def __init__(
        self, config: Any, model: Any, loaders: tuple[Any, Any], ranker: Ranker, folder: Path, run: Mapping[str, Any]
    ) -> None:
        super().__init__(config, model)
        self._training, self._validation = loaders
        self._ranker, self._run = ranker, run
        self._state = folder / "state.pth"
        self._best = folder / "best.pth"
        self.history: list[dict[str, float]] = []

    def train(self) -> None:
        """Train until RecBole stops, from the state in the folder if there is one."""
        if self._state.exists():
            self._resume()
        if self.start_epoch < self.epochs and self.cur_step <= self.stopping_step:
            self.fit(self._training, self._validation, verbose=False, saved=False, callback_fn=self._after_epoch)

    def load_best(self) -> None:
        """Load the weights of the epoch with the best score in RecBole's own validation."""
        self.model.load_state_dict(torch.load(self._best, map_location=self.device))

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the best score in RecBole's own validation, counted from 1."""
        return len(self.history) - self.cur_step

    def _train_epoch(self, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        loss = super()._train_epoch(*args, **kwargs)
        self._epoch_s = time.perf_counter() - started
        return loss

    def _after_epoch(self, epoch: int, score: float) -> None:
        measured = self._ranker.rank(self.model, self._validation, held_out=2).metrics()
        before_s = self.history[-1]["cumulative_train_s"] if self.history else 0.0
        self.history.append(
            {
                "epoch": epoch + 1,
                "train_s": self._epoch_s,
                "cumulative_train_s": before_s + self._epoch_s,
                "loss": self.train_loss_dict[epoch] / len(self._training),
                **measured,
                "ndcg@10_seen_kept": float(score),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
        if self.cur_step == 0:
            torch.save(self.model.state_dict(), self._best)
        self._save(epoch)
        print(json.dumps(self.history[-1]), flush=True)

    def _save(self, epoch: int) -> None:
        """Write the state atomically, with the random states: a resumed run ends like an uninterrupted one."""
        state = {
            "run": self._run,
            "epoch": epoch,
            "cur_step": self.cur_step,
            "best_valid_score": float(self.best_valid_score),
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "dropout": torch.get_rng_state(),
            "dropout_gpu": torch.cuda.get_rng_state_all(),
            "shuffle": self._training.generator.get_state(),
        }
        partial = self._state.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self._state)

    def _resume(self) -> None:
        state = torch.load(self._state, map_location="cpu")
        _require_same(state["run"], self._run, self._state)
        self.start_epoch = state["epoch"] + 1
        self.cur_step = state["cur_step"]
        self.best_valid_score = state["best_valid_score"]
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        torch.cuda.set_rng_state_all(state["dropout_gpu"])
        self._training.generator.set_state(state["shuffle"])


def main() -> None:
    """Parse the arguments and train, unless the run is finished already."""
    arguments = _arguments()
    run = {
        "model": arguments.model,
        "seed": arguments.seed,
        "max_length": arguments.max_length,
        "max_epochs": arguments.epochs,
        "threads": arguments.threads,
        "device": arguments.device,
        "log_sha256": hashlib.sha256(arguments.log.read_bytes()).hexdigest(),
        "settings": {**TRAINING, **MODELS[arguments.model], **arguments.settings},
        "source": SOURCE,
    }
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    result = out / "result.json"
    if result.exists():
        _require_same(json.loads(result.read_text(encoding="utf-8")), run, result)
        print(f"{result} exists already")
        return
    log = read_log(arguments.log, arguments.delimiter, arguments.user, arguments.item, arguments.timestamp)
    with tempfile.TemporaryDirectory() as folder:
        write_atomic(log, Path(folder))
        os.chdir(folder)  # RecBole writes TensorBoard's files into the working folder
        train(log, run, out)


def train(log: Log, run: Mapping[str, Any], out: Path) -> None:
    """Train on the atomic file in the working folder, and write the results, `result.json` last.

    Args:
        log: the whole log.
        run: description of the run.
        out: folder for the results.
    """
    torch.set_num_threads(run["threads"])
    config = _config(run, out)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    ranker = Ranker(log, dataset)
    training, validation, test = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(config["model"])(config, training.dataset).to(config["device"])
    if model.device.type != run["device"]:
        sys.exit(f"expected: a device {run['device']}\nreceived: a PyTorch without it\nremedy:   omit --device")
    trainer = ResumableTrainer(config, model, (training, validation), ranker, out, run)
    trainer.train()
    trainer.load_best()
    rankings = {
        "validation": ranker.rank(model, validation, held_out=2),
        "test": ranker.rank(model, test, held_out=1),
    }
    rankings["validation"].save(out / "ranked_validation.npz")
    rankings["test"].save(out / "ranked.npz")
    history = trainer.history
    train_s = history[-1]["cumulative_train_s"]
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {
        **run,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "users": len(log.users),
        "items": len(log.items),
        "interactions": sum(len(items) for items in log.histories),
        "train_targets": training.sample_size,
        "epochs": len(history),
        "best_epoch": trainer.best_epoch,
        "train_s": train_s,
        "train_s_per_epoch": train_s / len(history),
        "train_targets_per_s": training.sample_size * len(history) / train_s,
        **{split: ranking.metrics() for split, ranking in rankings.items()},
        "test_seen_kept": dict(trainer.evaluate(test, load_best_model=False)),
        "history": history,
        "peak_rss_mb": max(peak_rss_mb, *(epoch["peak_rss_mb"] for epoch in history)),
        "stack": {"python": platform.python_version(), "torch": torch.__version__, "recbole": recbole.__version__},
        "gpu": torch.cuda.get_device_name() if run["device"] == "cuda" else None,
    }
    partial = out / "result.part"
    partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    partial.replace(out / "result.json")
    print(json.dumps({key: result[key] for key in ("best_epoch", "validation", "test", "test_seen_kept")}))


def _config(run: Mapping[str, Any], out: Path) -> Config:
    """Return RecBole's configuration."""
    sys.argv = sys.argv[:1]  # RecBole reads the command line, too, and would take some of its options for its own
    return Config(
        model=run["model"],
        dataset=NAME,
        config_dict={
            **run["settings"],
            "seed": run["seed"],
            "MAX_ITEM_LIST_LENGTH": run["max_length"],
            "epochs": run["max_epochs"],
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "unused_col": {"inter": ["timestamp", "timestamp_list"]},
            "data_path": str(Path.cwd()),
            "checkpoint_dir": str(out),
            "gpu_id": "0" if run["device"] == "cuda" else "",
            "show_progress": False,
        },
    )


def _require_same(found: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> None:
    """Refuse the folder of another run."""
    differing = [key for key, value in run.items() if found.get(key) != value]
    if differing:
        sys.exit(
            f"expected: {path} of this run\nreceived: another {', '.join(differing)}\nremedy:   give another --out"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True, help="text file with a header line")
    parser.add_argument("--delimiter", default=",", help=r"between two fields; \t is a tab (default: a comma)")
    parser.add_argument("--user", default="user_id", help="column with the users' ids (default: user_id)")
    parser.add_argument("--item", default="item_id", help="column of the items' ids (default: item_id)")
    parser.add_argument("--timestamp", default="timestamp", help="column of the times, numbers (default: timestamp)")
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="settings of the model to replace, as JSON")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-length", type=int, default=50, help="number of items read from a history (default: 50)")
    parser.add_argument("--epochs", type=int, default=500, help="maximum number of epochs (default: 500)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="device that trains (default: cpu)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results of this run")
    arguments = parser.parse_args()
    arguments.delimiter = arguments.delimiter.replace(r"\t", "\t")
    return arguments


if __name__ == "__main__":
    main()
