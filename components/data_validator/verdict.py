"""What the checks of the data found, and whether it ends the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import shorten

import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_validator.drift import Drift, describe
from schemas.errors import InputError
from schemas.features import SPLITS

DRIFT_FILE = "drift.json"
_SHOWN = 200  # characters of an anomaly


def write_drift(folder: str, found: Sequence[Drift]) -> None:
    """Write the comparisons to `DRIFT_FILE`.

    Args:
        folder: an existing folder.
        found: the comparisons.
    """
    with tf.io.gfile.GFile(f"{folder}/{DRIFT_FILE}", "w") as file:
        file.write(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False) + "\n")


def read_drift(folder: str) -> list[Drift]:
    """Read what `write_drift` wrote.

    Args:
        folder: the folder.
    """
    with tf.io.gfile.GFile(f"{folder}/{DRIFT_FILE}") as file:
        return [Drift(**{**each, "shares": tuple(each["shares"])}) for each in json.loads(file.read())]


def check_anomalies(folder: str) -> None:
    """Check that ExampleValidator found nothing.

    Args:
        folder: its output.

    Raises:
        InputError: it found anomalies. The message has a line for each one.
    """
    found = []
    for split in SPLITS:
        with tf.io.gfile.GFile(f"{folder}/Split-{split}/SchemaDiff.pb", "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        for feature, info in sorted(anomalies.anomaly_info.items()):
            found.append(f"{split}: {feature}: {shorten(info.description, _SHOWN)}")  # it may list thousands of values
        if anomalies.HasField("dataset_anomaly_info"):
            found.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
    if found:
        raise InputError(
            expected="examples as the schema describes them",
            received="\n  ".join([f"{len(found)} anomal{'ies' if len(found) > 1 else 'y'}", *found]),
            remedy="correct the log, or the columns in the section data; if the data is right, change the schema in"
            " data.checks.schema_file",
        )


def check_drift(found: Sequence[Drift]) -> None:
    """Check that there is no alarm.

    Args:
        found: the comparisons.

    Raises:
        InputError: there is one. The message has a line for each.
    """
    alarms = [describe(each) for each in found if each.alarm]
    if alarms:
        raise InputError(
            expected="data like that of the previous run and that of the server (data.checks.on_drift is stop)",
            received="\n  ".join([f"{len(alarms)} alarm{'s' * (len(alarms) > 1)}", *alarms]),
            remedy="look for the cause in the log; to train on it, run once with --set data.checks.on_drift=warn",
        )
