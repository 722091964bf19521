"""The double refuses what Kubeflow refuses, and fails where Kubeflow's containers failed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2
from tfx.components import CsvExampleGen
from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

from components.common.stores import read_bytes
from components.schema_gen.component import HistorySchema
from pipeline.containers.command import COMMAND
from tests.google_store import GOOGLE_BUCKET, google_store
from tests.kubeflow.double import Kubeflow, TaskFailed, check_folder_of_copies, hooks, refusals
from tests.kubeflow.metadata_store import metadata_server
from tests.object_store import BUCKET, object_store

ROOT = f"s3://{BUCKET}/root"
WRITE_NOTHING = "import json, sys; open(json.loads(sys.argv[1])['outputs']['outputFile'], 'w').write('{}')"


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


def test_hook_of_tfx_before_the_cache_is_found() -> None:
    specification = compiled(CsvExampleGen(input_base="gs://bucket/log"), use_pipeline_spec_2_1=True)
    assert hooks(specification) == ["CsvExampleGen_executor"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    check_folder_of_copies()
    with metadata_server() as port:
        yield port


@pytest.fixture(scope="module")
def on_s3(store: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubeflow]:
    with object_store(tmp_path_factory.mktemp("store")) as environment:
        yield Kubeflow(ROOT, store, environment)


def with_our_command(specification: spec_pb2.PipelineSpec, *names: str) -> spec_pb2.PipelineSpec:
    for name in names:
        specification.deployment_spec["executors"][f"{name}_executor"]["container"]["command"] = list(COMMAND)
    return specification


def test_entry_point_of_tfx_fails_for_the_output_executor_logs(on_s3: Kubeflow) -> None:
    specification = compiled(HistorySchema(text=""), use_pipeline_spec_2_1=True)
    with pytest.raises(TaskFailed, match=r"system\.Artifact"):
        on_s3.run(specification)


def test_entry_point_of_tfx_fails_for_an_output_on_s3(on_s3: Kubeflow) -> None:
    specification = compiled(HistorySchema(text=""), use_pipeline_spec_2_1=True)
    with pytest.raises(TaskFailed, match="'s3' not implemented"):
        replace(on_s3, with_logs=False).run(specification)


def test_entry_point_of_tfx_fails_for_the_lost_type_of_an_input(on_s3: Kubeflow) -> None:
    schema = HistorySchema(text="")
    specification = compiled(schema, Read(schema=schema.outputs["schema"]), use_pipeline_spec_2_1=True)
    with pytest.raises(TaskFailed, match="'NoneType' object has no attribute 'get'"):
        replace(on_s3, with_logs=False).run(with_our_command(specification, "HistorySchema"))


def test_task_on_google_storage_leaves_no_object_that_the_launcher_cannot_copy(
    store: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    schema = HistorySchema(text="")
    specification = compiled(schema, Read(schema=schema.outputs["schema"]), use_pipeline_spec_2_1=True)
    reader = specification.deployment_spec["executors"]["Read_executor"]["container"]
    reader["command"], reader["args"] = ["python", "-c", WRITE_NOTHING], ["{{$}}"]
    with google_store(tmp_path_factory.mktemp("google")) as environment:
        kubeflow = Kubeflow(f"gs://{GOOGLE_BUCKET}/root", store, environment)
        tasks = kubeflow.run(with_our_command(specification, "HistorySchema"))
        assert read_bytes(f"{tasks['HistorySchema'].artifacts['schema'].uri}/schema.pbtxt") == b""
