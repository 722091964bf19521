"""The double refuses what Kubeflow refuses, and fails where Kubeflow's containers failed."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

from components.schema_gen.component import HistorySchema
from pipeline.containers.command import COMMAND
from tests.kubeflow.double import Kubeflow, TaskFailed, check_folder_of_copies, refusals
from tests.object_store import BUCKET, object_store

ROOT = f"s3://{BUCKET}/root"


@component
def Read(schema: InputArtifact[standard_artifacts.Schema]):  # type: ignore[no-untyped-def]
    """Do nothing."""


def compiled(*components: Any, **options: Any) -> spec_pb2.PipelineSpec:
    """Compile components as TFX does without our changes."""
    pipeline = Pipeline(pipeline_name="today", pipeline_root=ROOT, components=list(components))
    job = KubeflowV2DagRunner(KubeflowV2DagRunnerConfig(default_image="image", **options)).run(
        pipeline, write_out=False
    )
    return json_format.ParseDict(job["pipelineSpec"], spec_pb2.PipelineSpec())


def test_schema_and_resolvers_of_tfx_are_refused() -> None:
    resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("BlessedModel")
    found = refusals(compiled(resolver))
    assert "schema version 2.0.0" in found
    assert any(each.startswith("BlessedModel") and each.endswith("is a resolver") for each in found)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    check_folder_of_copies()
    with object_store(tmp_path_factory.mktemp("store")):
        yield


def test_entry_point_of_tfx_fails_for_the_output_executor_logs() -> None:
    specification = compiled(HistorySchema(text=""), use_pipeline_spec_2_1=True)
    with pytest.raises(TaskFailed, match=r"system\.Artifact"):
        Kubeflow(ROOT).run(specification)


def test_entry_point_of_tfx_fails_for_the_lost_type_of_an_input() -> None:
    schema = HistorySchema(text="")
    reader = Read(schema=schema.outputs["schema"])
    specification = compiled(schema, reader, use_pipeline_spec_2_1=True)
    specification.deployment_spec["executors"]["HistorySchema_executor"]["container"]["command"] = list(COMMAND)
    with pytest.raises(TaskFailed, match="'NoneType' object has no attribute 'get'"):
        Kubeflow(ROOT, with_logs=False).run(specification)
