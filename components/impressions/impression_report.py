"""Counts of a log of impressions, and the checks that they must pass before training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from components.example_gen.counts.report import moment
from components.example_gen.sources.rejected_rows import check_limits, table_remedies
from components.example_gen.validation.rejected_counts import CountRejected
from components.impressions.position_bias import Propensities
from schemas.config.impressions import ImpressionLogConfig
from schemas.errors import InputError
from schemas.features import SPLITS, TEST
from schemas.impression import IMPRESSION_REPORT_FILE
from trainer.data.impressions import count_clicks, list_lengths


@dataclass(frozen=True)
class ImpressionReport:
    """Exact counts of a log of impressions; `rows_read = sum(impressions) + sum(rows_rejected)`."""

    rows_read: int
    rows_rejected: dict[str, int]  # by reason, only reasons that occurred
    impressions: dict[str, int]  # by split
    shown: dict[str, int]  # shown items by split; an item counts once for each impression and position
    clicks: dict[str, int]  # clicked ones of these
    users: int
    items: int  # different shown items
    items_not_in_log: int  # of these, items without an interaction in the log
    test_without_history: int  # impressions of the test split
    test_without_clicks: int
    test_only_clicks: int
    first_timestamp_s: float | None
    last_timestamp_s: float | None
    split_times_s: tuple[float, float]  # the start of validation and of test
    propensities: list[float | None] | None  # by position, None without an estimate; None without position_bias
    propensity_errors: list[float | None] | None  # their standard errors; None if the propensities are given

    @staticmethod
    def read(folder: str) -> ImpressionReport:
        """Read the report of an artifact.

        Args:
            folder: the folder of the artifact.
        """
        with tf.io.gfile.GFile(f"{folder}/{IMPRESSION_REPORT_FILE}") as file:
            values = json.loads(file.read())
        return ImpressionReport(**{**values, "split_times_s": tuple(values["split_times_s"])})

    def to_json(self) -> str:
        """Return the content of the report's file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each count that makes an evaluation say little."""
        if 2 * self.items_not_in_log > self.items:
            yield (
                f"{self.items_not_in_log:,} of the {self.items:,} items of data.impressions have no interaction in the"
                " log, so that the model cannot score them"
            )
        tests = self.impressions[TEST]
        if 2 * self.test_without_history > tests:
            yield (
                f"{self.test_without_history:,} of the {tests:,} test impressions of data.impressions have no history,"
                " so that the model answers with popularity"
            )


class ImpressionCounter:
    """Counts of impressions and rejected rows, batch by batch."""

    def __init__(self) -> None:
        self._combiner = CountRejected()
        self.rejected = self._combiner.create_accumulator()
        self._by_split = {name: dict.fromkeys(SPLITS, 0) for name in ("impressions", "shown", "clicks")}
        self._test = {"without_history": 0, "without_clicks": 0, "only_clicks": 0}
        self._users: set[str] = set()
        self._items: set[str] = set()
        self._times: list[float] = []

    def add_rejected(self, batch: pa.RecordBatch) -> None:
        """Add rejected rows.

        Args:
            batch: rows of `REJECTED`.
        """
        if batch.num_rows:
            self.rejected = self._combiner.add_input(self.rejected, batch)

    def add(self, split: str, batch: pa.RecordBatch) -> None:
        """Add impressions of a split.

        Args:
            split: the split.
            batch: rows of `QUERIED_IMPRESSION`, at least one.
        """
        clicks, lengths = count_clicks(batch.column("clicked")), list_lengths(batch.column("shown"))
        self._by_split["impressions"][split] += batch.num_rows
        self._by_split["shown"][split] += int(lengths.sum())
        self._by_split["clicks"][split] += int(clicks.sum())
        self._users.update(pc.unique(batch.column("user_id")).to_pylist())
        self._items.update(pc.unique(batch.column("shown").flatten()).to_pylist())
        least, most = pc.min_max(batch.column("timestamp_s")).as_py().values()
        self._times = [min(least, *self._times[:1]), max(most, *self._times[1:])] if self._times else [least, most]
        if split == TEST:
            self._test["without_history"] += int((list_lengths(batch.column("history")) == 0).sum())
            self._test["without_clicks"] += int((clicks == 0).sum())
            self._test["only_clicks"] += int((clicks == lengths).sum())

    def report(
        self,
        log_items: pa.Array,
        split_times_s: tuple[float, float],
        propensities: Propensities,
    ) -> ImpressionReport:
        """Return the counts.

        Args:
            log_items: the ids of the items of the log of interactions, each once.
            split_times_s: the start of validation and of test.
            propensities: the propensities of the positions.
        """
        found: dict[str, Any] = {**self._by_split, **{f"test_{name}": count for name, count in self._test.items()}}
        rejected = dict(self.rejected.rows)
        first, last = self._times or (None, None)
        return ImpressionReport(
            rows_read=sum(self._by_split["impressions"].values()) + sum(rejected.values()),
            rows_rejected=rejected,
            users=len(self._users),
            items=len(self._items),
            items_not_in_log=len(self._items - set(log_items.to_pylist())),
            first_timestamp_s=first,
            last_timestamp_s=last,
            split_times_s=split_times_s,
            propensities=propensities.values,
            propensity_errors=propensities.standard_errors,
            **found,
        )


def check_impressions(report: ImpressionReport, counter: ImpressionCounter, settings: ImpressionLogConfig) -> None:
    """Check that few rows were rejected, and that an evaluation has something to measure.

    Args:
        report: the counts.
        counter: the counter, which has examples of rejected rows.
        settings: the log and the limits.

    Raises:
        InputError: a limit is exceeded, no item is in the log of interactions, or no test impression has a click and
            an item without a click.
    """
    log = settings.impressions
    remedies = table_remedies("impressions")
    check_limits(
        report.rows_read, report.rows_rejected, counter.rejected.samples, settings, remedies, table="impressions"
    )
    if not report.items:
        raise InputError(
            expected=f"impressions in {log.path} ({log.setting}.path)",
            received=f"{report.rows_read:,} rows, none of which is accepted",
            remedy=f"check {log.setting}.path, and the reasons in docs/impressions.md",
        )
    if report.items == report.items_not_in_log:
        raise InputError(
            expected=f"shown items of the log in column {log.columns.shown!r} of {log.path}",
            received=f"{report.items:,} different items, none of which has an interaction in the log",
            remedy=f"check {log.setting}.columns.shown: it must have the ids of data.columns.item; also its separator"
            " and suffixes",
        )
    _check_test_impressions(report, settings)


def _check_test_impressions(report: ImpressionReport, settings: ImpressionLogConfig) -> None:
    log, tests = settings.impressions, report.impressions[TEST]
    dates = log.time_unit != "order"
    first, last = (moment(time or 0.0, dates=dates) for time in (report.first_timestamp_s, report.last_timestamp_s))
    test_from = moment(report.split_times_s[1], dates=dates)
    if not tests:
        raise InputError(
            expected=f"impressions in {log.path} that are not before the test span, which starts at {test_from}",
            received=f"{sum(report.impressions.values()):,} impressions from {first} to {last}",
            remedy="give a log of impressions of the same time as the log of interactions, or move split.test_from",
        )
    if tests == report.test_without_clicks + report.test_only_clicks:
        raise InputError(
            expected=f"a test impression in {log.path} with a click and an item without one",
            received=f"{tests:,} test impressions: {report.test_without_clicks:,} without a click,"
            f" {report.test_only_clicks:,} with clicks only",
            remedy=f"check how {log.setting} reads clicks: columns.clicked, or clicked_suffix and not_clicked_suffix",
        )
