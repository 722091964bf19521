"""Baselines as a TFX component: what a model must be seen beside."""

import json
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tfx import v1 as tfx

from components.evaluation import K
from schemas.features import EXCLUDE_IDS, ITEM_IDS, SPLITS, TARGET_ID, TEST, TRAIN
from trainer.baselines import Case, measure

FILE_NAME = "baselines.json"


def measure_baselines(examples: str, *, remove_seen: bool) -> dict[str, dict[str, float]]:
    """The baselines' metrics on the test split, counted on the train split.

    Args:
        examples: the folder that holds the splits.
        remove_seen: whether items of a history are left out of what is recommended.
    """
    splits = {split: list(_read(examples, split)) for split in SPLITS}
    catalogue = {
        item for cases in splits.values() for case in cases for item in (*case.history, *case.seen, case.target)
    }
    sequences = [[*case.history, case.target] for case in splits[TRAIN]]
    return measure(sequences, splits[TEST], sorted(catalogue), remove_seen=remove_seen, k=K)


def read_baselines(uri: str) -> dict[str, dict[str, float]]:
    """What the component wrote."""
    with tf.io.gfile.GFile(os.path.join(uri, FILE_NAME)) as file:
        return dict(json.load(file))


def _read(examples: str, split: str) -> Iterator[Case]:
    files = sorted(tf.io.gfile.glob(os.path.join(examples, f"Split-{split}", "*")))
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        features: Any = tf.train.Example.FromString(record).features.feature

        def ids(name: str, features: Any = features) -> list[str]:
            return [item.decode() for item in features[name].bytes_list.value]

        yield Case(ids(ITEM_IDS), ids(EXCLUDE_IDS), ids(TARGET_ID)[0])


@tfx.dsl.components.component
def Baselines(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    remove_seen: tfx.dsl.components.Parameter[bool],
    code: tfx.dsl.components.Parameter[str],  # the digest of the sources: only there to be part of the cache key
):
    """Measures popularity and a first-order Markov chain on the test split."""
    with tf.io.gfile.GFile(os.path.join(evaluation.uri, FILE_NAME), "w") as file:
        json.dump(measure_baselines(examples.uri, remove_seen=remove_seen), file, indent=2)
