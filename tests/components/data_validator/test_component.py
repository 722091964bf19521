"""Runs of TFX with the real looker, validator, cache and metadata. A log is a number of interactions by event."""

from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.common.looker import SEEN
from components.data_validator.compared_data import ComparedData
from components.data_validator.component import DataValidator
from components.data_validator.drift import Drift
from components.data_validator.verdict import read_drift
from components.example_gen.counts.interaction_counts import count_interactions, merge_counts, write_counts
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig
from schemas.config.checks import ChecksConfig
from schemas.errors import InputError
from schemas.features import SPLITS
from tests.components.data_validator.test_request_counts import log as request
from tests.components.data_validator.test_request_counts import write as write_requests
from tests.components.logs import DAY_S, START_S, data
from tests.components.protocols import timelines

USERS, LENGTH = 100, 10


@component
def Count(  # type: ignore[no-untyped-def]
    item: Parameter[str],
    anomaly: Parameter[str],
    examples: OutputArtifact[standard_artifacts.Examples],
    anomalies: OutputArtifact[standard_artifacts.ExampleAnomalies],
):
    """Write the counts of users who all have ten items, the last of them `item`."""
    rows = [
        (f"u{user}", f"i{step}" if step < LENGTH - 1 else item, float(START_S + user * 60 + step * DAY_S))
        for user in range(USERS)
        for step in range(LENGTH)
    ]
    write_counts(merge_counts([count_interactions(timelines(rows), data())]), examples.uri, f"{examples.uri}/scratch")
    for split in SPLITS:
        found = anomalies_pb2.Anomalies()
        if anomaly and split == "test":
            found.anomaly_info["event"].description = anomaly
        folder = Path(anomalies.uri) / f"Split-{split}"
        folder.mkdir(parents=True)
        (folder / "SchemaDiff.pb").write_bytes(found.SerializeToString())


def run(root: Path, item: str, anomaly: str = "", **settings: str) -> dict[str, ComponentRun]:
    checks = ChecksConfig.model_validate(settings)
    counted = Count(item=item, anomaly=anomaly)
    folder = str(root / "interactions")
    looker = ComparedData(counted.outputs["examples"], folder, checks.serving_requests or "")
    validator = DataValidator(
        examples=counted.outputs["examples"],
        anomalies=counted.outputs["anomalies"],
        checks=checks.model_dump_json(),
        max_length=8,
        compared=looker.outputs[SEEN].future()[0].value,
        folder=folder,
        code="",
    )
    pipeline = Pipeline(
        pipeline_name="shop",
        pipeline_root=str(root / "artifacts"),
        components=[counted, looker, validator],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata")),
    )
    runs = LocalRunner(on_start=lambda *_: None, on_end=lambda _: None, beam=BeamConfig()).run(pipeline)
    return {each.component: each for each in runs}


def drift(root: Path, item: str, **settings: str) -> dict[str, Drift]:
    return {
        each.feature: each for each in read_drift(run(root, item, **settings)["DataValidator"].outputs["drift"].uri)
    }


def test_log_is_compared_with_the_previous_run_that_had_another_one(tmp_path: Path) -> None:
    assert drift(tmp_path, "a") == {}
    assert drift(tmp_path, "a") == {}
    changed = drift(tmp_path, "b")
    assert {name for name, each in changed.items() if each.alarm} == {"item_id"}
    assert changed["item_id"].distance == pytest.approx(0.1)  # one of ten interactions
    assert (changed["item_id"].value, changed["item_id"].shares) == ("a", (0.1, 0.0))
    assert drift(tmp_path, "b") == changed
    assert drift(tmp_path, "a")["item_id"].shares == (0.0, 0.1)


def test_repeated_run_takes_the_comparison_from_the_cache(tmp_path: Path) -> None:
    assert [run(tmp_path, item)["DataValidator"].cached for item in "aabb"] == [False, True, False, True]


def test_drift_stops_the_run_if_configured_until_it_is_accepted(tmp_path: Path) -> None:
    run(tmp_path, "a", on_drift="stop")
    for _ in range(2):
        with pytest.raises(InputError, match=r"1 alarm\n *item_id: a is 10.00% of the previous run"):
            run(tmp_path, "b", on_drift="stop")
    run(tmp_path, "b", on_drift="warn")
    run(tmp_path, "b", on_drift="stop")


def test_anomaly_stops_the_run_with_its_description(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)1 anomaly\n  test: event: unexpected value refund\n.*schema_file"):
        run(tmp_path, "a", anomaly="unexpected value refund")
    with pytest.raises(InputError) as raised:
        run(tmp_path, "a", anomaly="value refund, " * 1000)
    assert len(raised.value.received) < 300


def test_logged_requests_are_compared_with_the_log(tmp_path: Path) -> None:
    """The server's clients send the same items, but not the tenth one, and nothing else differs."""
    pattern = str(tmp_path / "requests-*")
    assert drift(tmp_path, "a", serving_requests=pattern) == {}  # no requests yet
    requests = [after(user, length) for user in range(USERS) for length in range(1, LENGTH)]
    write_requests(tmp_path / "requests-1", requests)
    found = drift(tmp_path, "a", serving_requests=pattern)
    assert {each.against for each in found.values()} == {"serving_requests"}
    assert {name for name, each in found.items() if each.alarm} >= {"item_id"}
    assert found["item_id"].value == "a"
    assert found["item_id"].shares == (0.1, 0.0)
    assert found["history_length"].value == "8+"
    assert found["history_length"].shares == pytest.approx((3 / 10, 2 / 9))  # of the interactions, of the requests


def test_requests_with_times_in_milliseconds_raise_an_alarm(tmp_path: Path) -> None:
    requests = [after(user, length, unit=1000) for user in range(USERS) for length in range(1, LENGTH)]
    write_requests(tmp_path / "requests", requests)
    hour = drift(tmp_path, "a", serving_requests=str(tmp_path / "requests"))["hour"]
    assert hour.alarm
    assert (hour.value, hour.shares) == ("not a time", (0.0, 1.0))


def after(user: int, length: int, unit: int = 1) -> bytes:
    """Return the request of a user after this number of interactions."""
    times = [(START_S + user * 60 + step * DAY_S) * unit for step in range(length)]
    return request(item_ids=[[f"i{step}" for step in range(length)]], timestamps_s=[times])


def test_statistics_of_the_interactions_can_be_read_by_tfdv(tmp_path: Path) -> None:
    folder = run(tmp_path, "a")["DataValidator"].outputs["statistics"].uri
    statistics = tfdv.load_stats_binary(f"{folder}/Split-interactions/FeatureStats.pb")
    shown = {feature.path.step[0]: feature.string_stats for feature in statistics.datasets[0].features}
    assert statistics.datasets[0].num_examples == USERS * LENGTH
    assert {bucket.label: bucket.sample_count for bucket in shown["history_length"].rank_histogram.buckets} == {
        "1": 100,
        "2 to 3": 200,
        "4 to 7": 400,
        "8 to 15": 300,
    }
