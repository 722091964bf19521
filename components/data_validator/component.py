"""Adaptor: the checks of the data as a TFX component."""

import json

import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.common.stores import connect, list_files
from components.data_validator.comparison import compare_logs, log_statistics
from components.data_validator.drift import Drift
from components.data_validator.features import LogCounts
from components.data_validator.previous import are_kept, keep_counts
from components.data_validator.request_counts import count_requests
from components.data_validator.verdict import check_anomalies, check_drift, write_drift
from components.example_gen.counts.interaction_counts import COUNTS_FILE
from schemas.config.checks import ChecksConfig

INTERACTIONS = "interactions"  # the split of the statistics


@component
def DataValidator(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    statistics: OutputArtifact[standard_artifacts.ExampleStatistics],
    drift: OutputArtifact[standard_artifacts.ExampleAnomalies],
    checks: Parameter[str],
    max_length: Parameter[int],
    compared: Parameter[str],
    folder: Parameter[str],
    code: Parameter[str],
):
    """Check the data before training.

    The examples must have no anomalies. The interactions are compared with those of the previous run and with logged
    requests.

    Args:
        examples: the examples of the log, with the counts of its interactions.
        anomalies: the output of ExampleValidator.
        statistics: receives TFDV's statistics of the interactions.
        drift: receives the comparisons.
        checks: a `ChecksConfig` as JSON.
        max_length: the longest history in a request.
        compared: the output of `ComparedData`.
        folder: the folder with the counts of earlier runs.
        code: the digest of the sources, as a part of the cache key.
    """
    settings, seen = ChecksConfig.model_validate_json(checks), json.loads(compared)
    check_anomalies(anomalies.uri)
    counts = f"{examples.uri}/{COUNTS_FILE}"
    log = _read(counts)
    statistics.split_names = artifact_utils.encode_split_names([INTERACTIONS])
    split = f"{statistics.uri}/Split-{INTERACTIONS}"
    tf.io.gfile.makedirs(split)
    with tf.io.gfile.GFile(f"{split}/FeatureStats.pb", "wb") as file:
        file.write(log_statistics(log).SerializeToString())
    found: list[Drift] = []
    if seen["previous"]:
        found += compare_logs(_read(seen["previous"]), log, "previous_run", settings.min_drift)
    if settings.serving_requests and seen["requests"]:
        requests = LogCounts.of(count_requests(list_files(settings.serving_requests), log.columns))
        found += compare_logs(log, requests, "serving_requests", settings.min_drift, max_length)
    write_drift(drift.uri, found)
    if settings.on_drift == "stop":
        accepted = are_kept(folder, counts)
        check_drift([each for each in found if not (accepted and each.against == "previous_run")])
    keep_counts(folder, counts)


def _read(path: str) -> LogCounts:
    connect()
    with FileSystems.open(path) as file:
        return LogCounts.of(pq.read_table(file))
