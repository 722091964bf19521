from typing import Any

import pytest
from apache_beam.options.pipeline_options import DirectOptions, FlinkRunnerOptions, PipelineOptions, PortableOptions
from pydantic import ValidationError

from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig


def options(**settings: Any) -> PipelineOptions:
    """Return what Beam reads of a section."""
    return PipelineOptions(beam_args(BeamConfig.model_validate(settings)))


def test_local_runs_in_process_unless_it_has_several_workers() -> None:
    for workers, mode in ((1, "in_memory"), (3, "multi_processing")):
        direct = options(workers=workers).view_as(DirectOptions)
        assert (direct.direct_running_mode, direct.direct_num_workers) == (mode, workers)


def test_portable_runner_has_its_job_server_and_its_workers() -> None:
    read = options(
        runner="portable", job_endpoint="jobs:8099", environment="EXTERNAL", environment_config="pool:50000"
    ).view_as(PortableOptions)

    assert read.job_endpoint == "jobs:8099"
    assert (read.environment_type, read.environment_config) == ("EXTERNAL", "pool:50000")


def test_workers_are_in_this_process_by_default_with_a_job_server() -> None:
    read = options(runner="portable", job_endpoint="jobs:8099").view_as(PortableOptions)
    assert read.environment_type == "LOOPBACK"


def test_further_options_reach_beam_and_false_leaves_one_out() -> None:
    args = beam_args(
        BeamConfig(
            runner="flink",
            options={"flink_master": "flink:8081", "parallelism": 8, "streaming": False, "no_auth": True},
        )
    )
    assert {"--parallelism=8", "--no_auth"} < set(args)
    assert not any("streaming" in arg for arg in args)
    assert PipelineOptions(args).view_as(FlinkRunnerOptions).flink_master == "flink:8081"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"runner": "portable"}, "needs job_endpoint"),
        ({"runner": "flink"}, "job_endpoint, or options.flink_master"),
        ({"runner": "spark"}, "job_endpoint, or options.spark_master_url"),
        ({"runner": "dataflow", "options": {"project": "p"}}, "options.region, options.temp_location"),
        ({"job_endpoint": "jobs:8099"}, "runner is local"),
        ({"runner": "portable", "job_endpoint": "http://jobs:8099"}, "HOST:PORT"),
        ({"runner": "portable", "job_endpoint": "jobs:8099", "workers": 2}, "beam.workers"),
        ({"runner": "portable", "job_endpoint": "jobs:8099", "environment": "PROCESS"}, "environment_config"),
        ({"options": {"runner": "DirectRunner"}}, "a key of beam itself"),
        ({"options": {"--parallelism": 1}}, "small letters"),
    ],
)
def test_runner_without_its_options_is_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        BeamConfig.model_validate(settings)
