"""Baselines as a TFX component: what a model must be seen beside."""

from tfx import v1 as tfx

FILE_NAME = "baselines.json"


@tfx.dsl.components.component
def Baselines(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    remove_seen: tfx.dsl.components.Parameter[bool],
    code: tfx.dsl.components.Parameter[str],  # only there to be part of the cache key
):
    """Measures popularity and a first-order Markov chain on the test split, counted on the train split."""
    raise SystemExit
