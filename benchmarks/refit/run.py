"""Measure the test items of all users, with their validation items counted and without.

    .venv/bin/temporec run --config benchmarks/refit/toys.yaml --set data.path=interactions.csv.gz --root DIR
    .venv/bin/python -m benchmarks.refit.run --root DIR

DIR has a finished run with the split leave_one_out and with `train.refit`. The model of that run is refitted with the
counts of everything except each user's last interaction, the test item. So neither of the two models has seen the test
items. A result is one line of `results.jsonl`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import typer

from benchmarks.provenance import circumstances
from components.baselines.count_pipeline import count_baselines
from components.common.example_batches import read_example_batches, read_examples, split_pattern
from components.evaluator.queries import read_queries
from components.evaluator.systems import BATCH, call_signature, load_model
from pipeline.records.run_root import read_record, recorded_config
from schemas.config.evaluation import K
from schemas.features import (
    EVAL,
    ITEM_IDS,
    REFIT,
    SPLITS,
    TARGET_ID,
    TARGET_IDS,
    TARGET_TIMESTAMP_S,
    TEST,
    TIMESTAMPS_S,
    USER_ID,
    VOCABULARY,
    target_key,
)
from trainer.metrics import recall_and_ndcg, target_ranks
from trainer.run_fn import export_model, read_fit_data
from trainer.training.refit import recount
from trainer.training.trained_state import read_trained_state

RESULTS = Path(__file__).with_name("results.jsonl")


def main(root: Annotated[Path, typer.Option(help="root of the run")]) -> None:
    """Measure and record the gain of a finished run."""
    record = read_record(root.resolve())
    settings = recorded_config(record)
    if settings.split.kind != "leave_one_out":
        raise typer.BadParameter("expected the split leave_one_out: other splits hold out more than one interaction")
    folders = record["artifacts"]
    (graph,) = (root.resolve() / "artifacts" / "Transform" / "transform_graph").iterdir()
    with tempfile.TemporaryDirectory() as folder:
        examples, counts, model = (f"{folder}/{name}" for name in ("examples", "counts", "model"))
        _write_examples(folders["examples"], examples)
        with beam.Pipeline() as pipeline:
            count_baselines(pipeline, examples, counts, settings.data.features, REFIT)
        training, transform = settings.trainer_config, tft.TFTransformOutput(str(graph))
        whole, validation = ([split_pattern(examples, split)] for split in (REFIT, EVAL))
        items, vocabulary_file = folders["items"] or "", transform.vocabulary_file_by_name(VOCABULARY)
        data = read_fit_data(whole, validation, counts, items, training, transform)
        recounted = recount(data, training, read_trained_state(folders["model_run"]))
        export_model(recounted, model, counts, items, training, vocabulary_file)
        test = list(read_examples(f"{examples}/Split-{TEST}"))
        found = {
            "log": settings.name,
            "without_validation": measure(folders["model"], test),
            "with_validation": measure(model, test),
            **circumstances(),
        }
    print(json.dumps(found))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def measure(model: str, records: list[bytes]) -> dict[str, float]:
    """Return the mean recall and NDCG of a model's lists.

    Args:
        model: the folder of the saved model.
        records: test examples with one target each.
    """
    loaded, ranks = load_model(model), []
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        targets = np.array([targets[0] for targets in read_queries(batch).targets], dtype=object)
        ranks.append(target_ranks(call_signature(loaded, batch)["item_ids"], targets))
    recall, ndcg = recall_and_ndcg(np.concatenate(ranks), K)
    return {f"recall@{K}": float(recall.mean()), f"ndcg@{K}": float(ndcg.mean())}


def without_last(records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield training windows without the last interaction of each user.

    Args:
        records: the examples of the split `REFIT`, in order of user and time.

    Yields:
        The examples. The last window of a user ends one interaction earlier, or is left out if it has only two.
    """
    ahead = chain(map(tf.train.Example.FromString, records), [None])
    window: Any = next(ahead)
    for following in ahead:
        if following is not None and _user(window) == _user(following):
            yield window.SerializeToString()
        elif len(window.features.feature[ITEM_IDS].bytes_list.value) > 1:
            yield _shortened(window).SerializeToString()
        window = following


def _user(example: Any) -> bytes:
    return bytes(example.features.feature[USER_ID].bytes_list.value[0])


def _shortened(window: Any) -> Any:
    features = window.features.feature
    pairs = {ITEM_IDS: TARGET_ID, TIMESTAMPS_S: TARGET_TIMESTAMP_S}
    pairs |= {name: target_key(name) for name in features if target_key(name) in features and name not in pairs}
    for name, target in pairs.items():
        kind = features[name].WhichOneof("kind")
        values = getattr(features[name], kind).value
        getattr(features[target], kind).value[:] = [values.pop()]
    features[TARGET_IDS].CopyFrom(features[TARGET_ID])
    return window


def _write_examples(source: str, target: str) -> None:
    """Link the splits of a run, and write `REFIT` without the test items."""
    for split in SPLITS:
        os.makedirs(target, exist_ok=True)
        os.symlink(f"{source}/Split-{split}", f"{target}/Split-{split}")
    os.makedirs(f"{target}/Split-{REFIT}")
    for path in sorted(Path(source, f"Split-{REFIT}").iterdir()):
        with tf.io.TFRecordWriter(f"{target}/Split-{REFIT}/{path.name}", "GZIP") as writer:
            for record in without_last(chain.from_iterable(read_example_batches([str(path)]))):
                writer.write(record)


if __name__ == "__main__":
    typer.run(main)
