"""What engines that do not run here would get: Beam's runners build the real jobs, and submit them to a recorder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_runner_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from components.example_gen.ingest import ingest
from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig, HistoryConfig, LeaveOneOutConfig
from tests.components.logs import data
from tests.google_store import GOOGLE_BUCKET, google_store

IMAGE = "registry/temporec:1"


class NotRun(beam.Pipeline):
    """A pipeline that does not run when its block ends."""

    def __exit__(self, *_: object) -> None:
        """Leave the pipeline as it is."""


def ingestion(beam_settings: dict[str, Any], *further: str) -> beam.Pipeline:
    """Return the pipeline of an ingestion into a bucket, which has not run. The log is listed, but not read."""
    args = [*beam_args(BeamConfig.model_validate(beam_settings)), *further]
    pipeline = NotRun(options=PipelineOptions(args))
    log = data().model_copy(update={"path": __file__})
    ingest(lambda: pipeline, log, LeaveOneOutConfig(), HistoryConfig(), "gs://bucket/examples")
    return pipeline


class Recorder(LocalJobServicer):
    """A job server that keeps a job and refuses to run it. It describes an option, as Flink's does."""

    def __init__(self) -> None:
        super().__init__()
        self.options: dict[str, Any] = {}
        self.pipeline = beam_runner_api_pb2.Pipeline()

    def DescribePipelineOptions(self, request: Any, context: Any = None, timeout: Any = None) -> Any:
        parallelism = beam_job_api_pb2.PipelineOptionDescriptor(
            name="parallelism", type=beam_job_api_pb2.PipelineOptionType.INTEGER
        )
        return beam_job_api_pb2.DescribePipelineOptionsResponse(options=[parallelism])

    def create_beam_job(self, preparation_id: str, job_name: str, pipeline: Any, options: Any) -> Any:
        self.pipeline, self.options = pipeline, dict(options.items())
        raise RuntimeError("recorded")


@contextmanager
def recorder() -> Iterator[tuple[Recorder, str]]:
    server = Recorder()
    port = server.start_grpc_server()
    try:
        yield server, f"localhost:{port}"
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("runner", "options"),
    [("flink", {"flink_master": "http://flink:8081"}), ("spark", {"spark_master_url": "spark://spark:7077"})],
)
def test_engine_gets_its_address_its_parallelism_and_its_workers(runner: str, options: dict[str, Any]) -> None:
    with recorder() as (server, endpoint):
        settings = {
            "runner": runner,
            "job_endpoint": endpoint,
            "environment": "EXTERNAL",
            "environment_config": "localhost:50000",
            "options": {"parallelism": 8, **options},
        }
        with pytest.raises(grpc.RpcError, match="recorded"):
            ingestion(settings).run()

    for name, value in {"parallelism": 8, **options}.items():
        assert server.options[f"beam:option:{name}:v1"] == str(value)
    environments = server.pipeline.components.environments.values()
    (external,) = [each for each in environments if each.urn == "beam:env:external:v1"]
    payload = beam_runner_api_pb2.ExternalPayload.FromString(external.payload)
    assert payload.endpoint.url == "localhost:50000"
    staged = b"".join(each.role_payload for each in external.dependencies)
    assert staged.endswith(b"submission_environment_dependencies.txt")  # a list for the log: workers have temporec
    assert len(external.dependencies) == 1
    steps = {each.unique_name.split("/")[0] for each in server.pipeline.components.transforms.values()}
    assert {"ReadInteractions", "BuildHistories"} <= steps


def test_dataflow_gets_its_project_and_the_image(tmp_path: Path) -> None:
    temporary = f"gs://{GOOGLE_BUCKET}/temporary"
    options = {"project": "shop", "region": "europe-west4", "temp_location": temporary, "sdk_container_image": IMAGE}

    with google_store(tmp_path):  # Beam looks at the bucket
        job = ingestion({"runner": "dataflow", "options": options}, "--dry_run=True").run().job

    cloud = job.options.view_as(GoogleCloudOptions)
    assert (cloud.project, cloud.region) == ("shop", "europe-west4")
    assert cloud.temp_location.startswith(f"{temporary}/")
    assert job.options.view_as(WorkerOptions).sdk_container_image == IMAGE
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(each.payload).container_image
        for each in job.proto_pipeline.components.environments.values()
    }
    assert images == {IMAGE}
