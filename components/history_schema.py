"""The schema of histories as a TFX artifact, so that no path of one machine enters the pipeline."""

import os
from importlib import resources

import tensorflow as tf
from tfx import v1 as tfx


def history_schema_text() -> str:
    """The schema that every history must meet, as a text-format `tensorflow.metadata.v0.Schema`."""
    return resources.files("schemas").joinpath("history.pbtxt").read_text(encoding="utf-8")


@tfx.dsl.components.component
def HistorySchema(  # type: ignore[no-untyped-def]
    schema: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Schema],
    text: tfx.dsl.components.Parameter[str],
):
    """Publishes the schema given as text."""
    with tf.io.gfile.GFile(os.path.join(schema.uri, "schema.pbtxt"), "w") as file:
        file.write(text)
