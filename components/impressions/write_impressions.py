"""The artifact of the impressions: a file for each split, `report.json` and the rejected rows."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.counts.interaction_counts import read_log_items
from components.example_gen.counts.report import IngestionReport
from components.example_gen.read_impressions import read_impressions
from components.example_gen.validation.dead_letters import Letters, letters_by_file, write_letters
from components.impressions.histories import read_span_histories, with_history_times, with_user_histories
from components.impressions.impression_report import ImpressionCounter, ImpressionReport, check_impressions
from components.impressions.position_bias import PositionBias
from schemas.config.impressions import ImpressionLogConfig
from schemas.errors import InputError
from schemas.features import EVAL, SPLITS, TEST
from schemas.impression import IMPRESSION_REPORT_FILE, QUERIED_IMPRESSION, impressions_file


def write_impressions(settings: ImpressionLogConfig, examples: str, folder: str) -> ImpressionReport:
    """Read a log of impressions and write the artifact.

    An impression belongs to training before the start of validation, to test from the start of test on, and to
    validation in between. Equal logs give equal bytes. The report is written last, so that a folder with it is
    complete.

    Args:
        settings: the log, its columns and the limits.
        examples: the folder of the examples, with the times of the split and the counts of the log's items.
        folder: the folder of the artifact, on a file system that TensorFlow can write to.

    Returns:
        The counts.

    Raises:
        InputError: the log cannot be read, has too many rejected rows, or has nothing to measure; see
            `check_impressions`.
    """
    scratch = f"{folder}/unfinished"
    times, counter = _split_times(examples), ImpressionCounter()
    with tempfile.TemporaryDirectory() as local:
        bias = _divide(settings, examples, local, times, counter, folder)
        report = counter.report(read_log_items(examples).ids, times, bias.propensities())
        check_impressions(report, counter, settings)
        for split in SPLITS:
            name = impressions_file(split)
            with atomic_write(f"{folder}/{name}", scratch) as unfinished:
                tf.io.gfile.copy(f"{local}/{name}", unfinished)
    with (
        atomic_write(f"{folder}/{IMPRESSION_REPORT_FILE}", scratch) as unfinished,
        tf.io.gfile.GFile(unfinished, "w") as output,
    ):
        output.write(report.to_json())
    return report


def _split_times(examples: str) -> tuple[float, float]:
    times = IngestionReport.read(examples).split_times_s
    if times is None:
        raise InputError(
            expected="examples of a split with times, for data.impressions",
            received="examples without split times",
            remedy="set split.kind to temporal or session",
        )
    return times


def _divide(
    settings: ImpressionLogConfig,
    examples: str,
    local: str,
    times: tuple[float, float],
    counter: ImpressionCounter,
    folder: str,
) -> PositionBias:
    """Write a file for each split to a local folder, and the rejected rows to the artifact."""
    impressions = settings.impressions
    from_log = impressions.columns.history is not None
    histories = {} if from_log else {split: read_span_histories(examples, split) for split in (EVAL, TEST)}
    bias, rejected = PositionBias(impressions.position_bias), defaultdict[str, list[Letters]](list)
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(
                pq.ParquetWriter(f"{local}/{impressions_file(split)}", QUERIED_IMPRESSION, compression="zstd")
            )
            for split in SPLITS
        }
        for accepted, refused in read_impressions(impressions):
            counter.add_rejected(refused)
            for name, letters in letters_by_file(refused):
                rejected[name].append(letters)
            parts = np.searchsorted(times, accepted.column("timestamp_s").to_numpy(), side="right")
            for index, split in enumerate(SPLITS):
                rows = accepted.filter(pa.array(parts == index))
                if not rows.num_rows:
                    continue
                if split in histories:
                    queried = with_user_histories(rows, histories[split])
                else:
                    queried = with_history_times(rows)
                files[split].write_batch(queried)
                counter.add(split, queried)
                if split != TEST:
                    bias.add(queried)
    for file in rejected.items():
        write_letters(file, folder, f"{folder}/unfinished")
    return bias
