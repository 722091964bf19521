"""The ModelGate as a TFX component."""

import os

import tensorflow as tf
from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.summary import read_summary
from components.gate.export_checks import check_export
from components.gate.metric_checks import check_metrics
from components.gate.verdict import GateVerdict, write_verdict
from schemas.config.evaluation import GateConfig
from schemas.features import EVAL, TEST


@component
def ModelGate(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    model: InputArtifact[standard_artifacts.Model],
    counts: InputArtifact[standard_artifacts.ModelEvaluation],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    gate: Parameter[str],
    remove_seen: Parameter[bool],
    code: Parameter[str],
):
    """Bless a model that passes all checks, and write the verdict.

    Args:
        examples: the examples of the log, with a test and a validation split.
        model: the model to judge.
        counts: the counts of the component `Baselines`.
        evaluation: the output of `Evaluator`.
        blessing: receives `verdict.json`, and the files and properties of TFX's own Evaluator.
        gate: a `GateConfig` as JSON.
        remove_seen: whether seen items must not be recommended.
        code: the digest of the sources, as a part of the cache key.

    Example:
        >>> from tfx.types import Channel
        >>> gate = ModelGate(
        ...     examples=Channel(type=standard_artifacts.Examples),
        ...     model=Channel(type=standard_artifacts.Model),
        ...     counts=Channel(type=standard_artifacts.ModelEvaluation),
        ...     evaluation=Channel(type=standard_artifacts.ModelEvaluation),
        ...     gate=GateConfig(floors={"recall@10": 0.15}).model_dump_json(),
        ...     remove_seen=True,
        ...     code="",
        ... )
        >>> list(gate.outputs)
        ['blessing']
    """
    required, results = GateConfig.model_validate_json(gate), read_results(f"{evaluation.uri}/{QUERIES}")
    folders = {split: artifact_utils.get_split_uris([examples], split)[0] for split in (TEST, EVAL)}
    checks = check_metrics(required, results, read_summary(evaluation.uri))
    checks += check_export(
        path_utils.serving_model_path(model.uri),
        required,
        results,
        read_catalogue(counts.uri),
        folders[TEST],
        folders[EVAL],
        remove_seen=remove_seen,
    )
    verdict = GateVerdict(tuple(checks))
    write_verdict(blessing.uri, verdict)
    # TFX's resolvers and Pusher expect the file and the properties of TFX's own Evaluator.
    name, value = {
        True: (constants.BLESSED_FILE_NAME, constants.BLESSED_VALUE),
        False: (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE),
    }[verdict.blessed]
    with tf.io.gfile.GFile(os.path.join(blessing.uri, name), "w") as file:
        file.write("")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
