"""The ingestion: Beam pipelines from a log to examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsIter, AsList, AsSingleton, PCollection

from components.common.atomic_write import atomic_write
from components.common.beam_combiners import sum_counters
from components.example_gen.cleaning.kept_rows import KEPT_FOLDER, KeptRows, ReadKept, write_manifest
from components.example_gen.cleaning.late_rows import count_late_rows
from components.example_gen.cleaning.minimums import find_rare_items
from components.example_gen.cleaning.shard_work import shard_work
from components.example_gen.counts.file_counts import (
    ACCEPTED,
    FILES_FILE,
    READ,
    FileCounts,
    count_rejected_rows,
    count_rows,
    sum_file_counts,
    to_json_lines,
    total,
)
from components.example_gen.counts.report import REPORT_FILE, IngestionReport, TableRows
from components.example_gen.examples.build_histories import BuildHistories
from components.example_gen.interactions.spill import Spill, SpillRows
from components.example_gen.listing import Listing, log_locations, unchanged_files
from components.example_gen.progress import log_progress, progress_folder
from components.example_gen.read_interactions import ReadInteractions
from components.example_gen.replay import check_count
from components.example_gen.sources.files import match_log
from components.example_gen.tables.side_tables import count_users, read_table
from components.example_gen.validation.dead_letters import WriteRejected
from components.example_gen.validation.rejected_counts import CountRejected, RejectedCounts
from components.example_gen.validation.rejection_details import RejectionDetails, merge_details
from schemas.config import HistoryConfig, SplitConfig
from schemas.config.log import DataConfig

MakePipeline = Callable[[], beam.Pipeline]


@dataclass(frozen=True)
class _Log:
    """The log of an ingestion, and where its files go."""

    data: DataConfig
    listing: Listing
    former: KeptRows | None
    directory: str

    @property
    def scratch(self) -> str:
        """The folder of unfinished files."""
        return f"{self.directory}/unfinished"

    @property
    def no_rows(self) -> FileCounts:
        """A count of each file. A replay finds no row of some files, which must be in the counts nevertheless."""
        files = () if self.data.format == "bigquery" else match_log(self.data, self.listing.until)
        return Counter({(READ, file): 0 for file in files})


class _Read(NamedTuple):
    """A log that has been read."""

    interactions: PCollection  # of Spill
    users: PCollection  # of Spill, the rows of the table of users
    counts: PCollection  # one element: the fields of the report that describe the rows
    file_counts: PCollection  # of FileCounts


def ingest(
    make_pipeline: MakePipeline,
    data: DataConfig,
    split: SplitConfig,
    history: HistoryConfig,
    output_directory: str,
    origin: Mapping[str, str] = MappingProxyType({}),
    former: KeptRows | None = None,
    *,
    refit: bool = False,
) -> None:
    """Run the ingestion.

    It writes the examples (`Split-<split>/`), the rejected rows (`rejected/`), the accepted rows if it is configured
    (`interactions/`), the counts of each file of the log (`files.jsonl`) and, after these, an `IngestionReport`
    (`ingestion.json`). Call the report's `check` to find out whether there are enough good examples.

    It is one pipeline, unless there is a minimum for items. Whether an item has enough interactions
    can depend on other items' and users', so that is found out by further pipelines, one after the
    other.

    Args:
        make_pipeline: returns a Beam pipeline that has not run yet.
        data: the log and its reading options.
        split: the protocol that divides the log.
        history: the length of an example's history.
        output_directory: a folder on a file system that TensorFlow can write to.
        origin: texts by name that differ if the log or the code differs; they are kept with the accepted rows. The log
            must agree with the text `files`, from `describe_files`, if there is one.
        former: a former ingestion, whose rejected rows are read instead of the log; see `check_replay`.
        refit: whether to write the split `REFIT` as well, which a refit trains on.

    Raises:
        InputError: the log or a table cannot be read, or changes while it is read, or the folder cannot be written.

    Example:
        >>> ingest(beam.Pipeline, config.data, config.split, config.history, "/tmp/examples")  # doctest: +SKIP
        >>> IngestionReport.read("/tmp/examples").check(config.data, config.split)  # doctest: +SKIP
    """
    with unchanged_files(log_locations(data), origin.get("files")) as listing:
        log = _Log(data, listing, former, output_directory)
        _run_pipelines(make_pipeline, log, split, history, origin, refit=refit)


def _run_pipelines(
    make_pipeline: MakePipeline,
    log: _Log,
    split: SplitConfig,
    history: HistoryConfig,
    origin: Mapping[str, str],
    *,
    refit: bool,
) -> None:
    data, scratch = log.data, log.scratch
    progress = None if data.format == "bigquery" else progress_folder(scratch)
    rare: tuple[str, ...] = ()
    known: dict[str, Any] | None = None
    if data.min_item_interactions > 1:
        with log_progress(progress, data):
            known = _read_first(make_pipeline, log)
        rare = find_rare_items(make_pipeline, data, shard_work(known["interactions"], known["users"]), scratch)
    with log_progress(None if known else progress, data), make_pipeline() as pipeline:
        read = _create(pipeline, known) if known else _read(pipeline, log)
        build_histories = BuildHistories(data, split, history, log.directory, scratch, rare, refit=refit)
        built = {"interactions": read.interactions, "users": read.users} | "BuildHistories" >> build_histories
        file_counts = (read.file_counts, built["file_counts"]) | "AllFileCounts" >> beam.Flatten()
        _ = built["counts"] | "WriteReport" >> beam.Map(
            _write_report,
            AsSingleton(read.counts),
            AsSingleton(file_counts | "SumFileCounts" >> beam.CombineGlobally(sum_file_counts())),
            data=data,
            origin=origin,
            directory=log.directory,
            scratch=scratch,
            interactions=AsList(read.interactions),
            files=AsIter(built["files"]),
        )


def _read(pipeline: beam.Pipeline, log: _Log) -> _Read:
    """Add the steps that read the log and the tables, and write what is rejected."""
    data, former, scratch = log.data, log.former, log.scratch
    rows = pipeline | "ReadInteractions" >> ReadInteractions(data, log.listing.until, progress_folder(scratch), former)
    accepted, counts = rows.accepted, [rows.counts]
    if former:
        kept = pipeline | "ReadKept" >> ReadKept(former)
        accepted = (accepted, kept) | "AddKept" >> beam.Flatten()
        counts.append(kept | "CountKept" >> beam.Map(count_rows, "file", READ))
        counts.append(pipeline | "CountNoRows" >> beam.Create([log.no_rows]))
    late = accepted | "CountLateRows" >> beam.Map(count_late_rows, data)
    kept_in = f"{log.directory}/{KEPT_FOLDER}" if data.keep_interactions else None
    letters = rows.rejected | "WriteRejected" >> WriteRejected(log.directory, scratch)
    tables = pipeline | "Tables" >> beam.Create([data]) | "CountTableRows" >> beam.Map(_count_tables)
    users = pipeline | "Users" >> beam.Create([data.users] if data.users else [])
    of_files = (
        *counts,
        accepted | "CountAccepted" >> beam.Map(count_rows, "file", ACCEPTED),
        rows.rejected | "CountRejectedOfFiles" >> beam.Map(count_rejected_rows),
    )
    file_counts = (
        of_files | "CountsOfFiles" >> beam.Flatten() | "SumCountsOfFiles" >> beam.CombineGlobally(sum_file_counts())
    )
    return _Read(
        interactions=accepted | "SpillInteractions" >> beam.ParDo(SpillRows(scratch, kept_in)),
        users=users
        | "ReadUsers" >> beam.FlatMap(read_table, data.null_values)
        | "SpillUsers" >> beam.ParDo(SpillRows(scratch)),
        counts=tables
        | "CountsOfRows"
        >> beam.Map(
            _row_counts,
            former=former,
            data=data,
            spans=[span.name for span in log.listing.spans],
            late=AsSingleton(late | "LateRows" >> beam.CombineGlobally(sum_counters)),
            file_counts=AsSingleton(file_counts),
            rejected=AsSingleton(rows.rejected | "CountRejected" >> beam.CombineGlobally(CountRejected())),
            details=AsSingleton(rows.details | "MergeDetails" >> beam.CombineGlobally(merge_details)),
            letters=AsIter(letters),
        ),
        file_counts=file_counts,
    )


def _count_tables(data: DataConfig) -> dict[str, TableRows]:
    return {"users": count_users(data.users)} if data.users else {}


def _row_counts(
    tables: dict[str, TableRows],
    *,
    former: KeptRows | None,
    data: DataConfig,
    spans: list[str],
    late: Counter[str],
    file_counts: FileCounts,
    rejected: RejectedCounts,
    details: RejectionDetails,
    letters: Iterable[str],
) -> dict[str, Any]:
    """Return the fields of the report that describe the rows. It runs after all `letters` are written."""
    if former:
        check_count(former, total(file_counts, READ) - former.rows)
    return {
        "spans": spans,
        "late_rows": {span: late[span] for span in spans} if late else {},
        "rows_read": total(file_counts, READ),
        "rows_accepted": total(file_counts, ACCEPTED),
        "rows_rejected": dict(rejected.rows),
        "rows_filtered": {rule.condition: details.filtered[rule.condition] for rule in data.filters},
        "rejected_times": dict(details.times),
        "rejected_samples": {reason: [asdict(row) for row in rows] for reason, rows in rejected.samples.items()},
        "tables": {name: asdict(rows) for name, rows in tables.items()},
    }


def _read_first(make_pipeline: MakePipeline, log: _Log) -> dict[str, Any]:
    """Run the steps of `_read` in a pipeline of their own, and return its outputs by name."""
    path = f"{log.scratch}/read.json"
    with make_pipeline() as pipeline:
        read = _read(pipeline, log)
        _ = read.counts | "WriteOutputs" >> beam.Map(
            _write_outputs,
            path,
            log.scratch,
            interactions=AsList(read.interactions),
            users=AsList(read.users),
            file_counts=AsSingleton(read.file_counts),
        )
    with FileSystems.open(path) as file:
        known: dict[str, Any] = json.load(file)
    known["file_counts"] = Counter({(name, file): count for name, file, count in known["file_counts"]})
    return {**known, **{name: [Spill(*spill) for spill in known[name]] for name in ("interactions", "users")}}


def _write_outputs(
    counts: dict[str, Any],
    path: str,
    scratch: str,
    *,
    interactions: list[Spill],
    users: list[Spill],
    file_counts: FileCounts,
) -> None:
    triples = [(*key, count) for key, count in file_counts.items()]
    outputs = {"interactions": interactions, "users": users, "counts": counts, "file_counts": triples}
    _write(json.dumps(outputs), path, scratch)


def _create(pipeline: beam.Pipeline, known: dict[str, Any]) -> _Read:
    return _Read(
        pipeline | "Interactions" >> beam.Create(known["interactions"]),
        pipeline | "Users" >> beam.Create(known["users"]),
        pipeline | "Counts" >> beam.Create([known["counts"]]),
        pipeline | "FileCounts" >> beam.Create([known["file_counts"]]),
    )


def _write_report(
    counts: dict[str, Any],
    row_counts: dict[str, Any],
    file_counts: FileCounts,
    *,
    data: DataConfig,
    origin: Mapping[str, str],
    directory: str,
    scratch: str,
    interactions: list[Spill],
    files: Iterable[str],
) -> None:
    """Write the reports, and remove what a retried worker left. It runs after all `files` are written."""
    _write("".join(to_json_lines(file_counts)), f"{directory}/{FILES_FILE}", scratch)
    if data.keep_interactions:
        write_manifest(interactions, data, origin, directory, scratch)
    report = IngestionReport(**row_counts, **counts)
    _write(report.to_json(), f"{directory}/{REPORT_FILE}", scratch)
    tf.io.gfile.rmtree(scratch)


def _write(text: str, path: str, scratch: str) -> None:
    with atomic_write(path, scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as file:
        file.write(text)
