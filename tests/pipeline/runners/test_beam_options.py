import pickle
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    TypeOptions,
)
from pydantic import ValidationError

from pipeline.runners.beam_options import CachedOptions, beam_args, make_pipeline
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


def test_cached_views_have_the_values_of_beam_in_all_subclasses() -> None:
    args = beam_args(BeamConfig(workers=3, options={"streaming": True, "temp_location": "/t"}))
    cached, plain = CachedOptions(args), PipelineOptions(args)
    for kind in PipelineOptions.__subclasses__():
        for _ in range(2):
            assert vars(cached.view_as(kind)._visible_options) == vars(plain.view_as(kind)._visible_options)
    assert cached.get_all_options() == plain.get_all_options()


def test_change_of_a_cached_view_is_seen_in_all_views_and_copies() -> None:
    cached = CachedOptions(["--direct_num_workers=2"])
    for workers in (3, 4):
        cached.view_as(DirectOptions).direct_num_workers = workers
        for each in (cached, pickle.loads(pickle.dumps(cached))):
            assert each.view_as(DirectOptions).direct_num_workers == workers
            assert each.get_all_options()["direct_num_workers"] == workers


def test_made_pipeline_parses_its_options_once_for_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[type] = []
    init = PipelineOptions.__init__

    def counted(self: PipelineOptions, *args: Any, **kwargs: Any) -> None:
        made.append(type(self))
        init(self, *args, **kwargs)

    monkeypatch.setattr(PipelineOptions, "__init__", counted)
    pipeline = make_pipeline(beam_args(BeamConfig()))
    before = made.count(TypeOptions)
    _ = pipeline | beam.Create([1, 2]) | beam.Map(str) | beam.Map(len)
    assert made.count(TypeOptions) - before <= 1
