"""Baselines as a TFX component: what a model must be seen beside."""

import json
import os

import tensorflow as tf
from tfx import v1 as tfx

from components.baseline_metrics import measure_baselines

FILE_NAME = "baselines.json"


def read_baselines(uri: str) -> dict[str, dict[str, float]]:
    """What the component wrote."""
    with tf.io.gfile.GFile(os.path.join(uri, FILE_NAME)) as file:
        return dict(json.load(file))


@tfx.dsl.components.component
def Baselines(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    remove_seen: tfx.dsl.components.Parameter[bool],
    code: tfx.dsl.components.Parameter[str],  # the digest of the sources: only there to be part of the cache key
):
    """Measures popularity and Markov chains on the test split."""
    with tf.io.gfile.GFile(os.path.join(evaluation.uri, FILE_NAME), "w") as file:
        json.dump(measure_baselines(examples.uri, remove_seen=remove_seen), file, indent=2)
