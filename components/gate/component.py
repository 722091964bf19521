"""The ModelGate as a TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.summary import read_summary
from components.gate.blessing import write_blessing
from components.gate.export_checks import check_export
from components.gate.metric_checks import check_impressions_of_test, check_metrics
from components.gate.verdict import GateVerdict
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
    by_impression: InputArtifact[standard_artifacts.ModelEvaluation] = None,
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
        by_impression: the output of `ImpressionEvaluator`, if the gate has floors for it.

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
    checks += check_impressions_of_test(required, read_summary(by_impression.uri) if by_impression else None)
    checks += check_export(
        path_utils.serving_model_path(model.uri),
        required,
        results,
        read_catalogue(counts.uri),
        folders[TEST],
        folders[EVAL],
        remove_seen=remove_seen,
    )
    write_blessing(blessing, GateVerdict(tuple(checks)), model)
