"""The content of a report, gathered from the files of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.summary import read_summary
from components.evaluator.systems import load_model, unit_vectors
from components.example_gen.counts.report import IngestionReport
from pipeline.display.metric_names import list_length
from pipeline.explanations.model_calls import attention
from pipeline.explanations.user_sample import draw_users
from pipeline.records.run_root import recorded_config
from pipeline.report.attention import USERS, AttentionSummary, summarize_attention
from pipeline.report.curves import LearningCurves, read_curves
from pipeline.report.drift import SplitDrift, drift
from pipeline.report.explanations import SampleUser, sample_users
from pipeline.report.item_map import SHOWN, ItemMap, item_map
from pipeline.report.items import Counts, KnownItems, read_items
from pipeline.report.lengths import HistoryLengths, read_lengths
from pipeline.report.verdict_text import VerdictText, verdict
from schemas.config import Config
from schemas.features import TEST

SHOWN_USERS = 10


@dataclass(frozen=True, eq=False)
class RunReport:
    """The content of a report.

    Args:
        verdict: the sentences at the top.
        record: the content of `run.json`.
        config: the configuration of the run.
        ingestion: the report of the ingestion.
        lengths: the lengths of histories, by split.
        curves: the learning curves of the training.
        summary: the summary of the evaluation.
        items: the catalogue.
        targets: the number of test targets of each item, [n].
        recommended: the number of test lists with each item, [n].
        drift: differences between training and test.
        attention: how far the attention of the model spreads.
        users: sample users.
        item_map: the vectors of the most popular items in the plane.
    """

    verdict: VerdictText
    record: Mapping[str, Any]
    config: Config
    ingestion: IngestionReport
    lengths: Mapping[str, HistoryLengths]
    curves: LearningCurves
    summary: Mapping[str, Any]
    items: KnownItems
    targets: Counts
    recommended: Counts
    drift: list[SplitDrift]
    attention: AttentionSummary | None
    users: list[SampleUser]
    item_map: ItemMap

    @property
    def metric(self) -> str:
        """The gate's metric, like `recall@10`."""
        return self.config.evaluate.gate.metric

    @property
    def k(self) -> int:
        """The length of the lists that the gate's metric judges."""
        return list_length(self.metric, self.config.evaluate.ks)


def gather(record: Mapping[str, Any]) -> RunReport:
    """Read the files of a run.

    Args:
        record: the content of `run.json`.

    Returns:
        The content of its report.

    Raises:
        InputError: another version of temporec wrote the record, or the model cannot be loaded.
    """
    config, folders = recorded_config(record), record["artifacts"]
    summary, lengths = read_summary(record["evaluation"]), read_lengths(folders["statistics"])
    results = read_results(f"{record['evaluation']}/{QUERIES}")
    items = read_items(config, folders["counts"], folders["items"])
    model = load_model(folders["model"])
    users = draw_users(f"{folders['examples']}/Split-{TEST}", len(results), USERS, config.train.seed)
    targets = items.count(list(chain.from_iterable(results.targets())))
    shown = items.ids[items.order[:SHOWN]]
    return RunReport(
        verdict=verdict(record),
        record=record,
        config=config,
        ingestion=IngestionReport.read(folders["examples"]),
        lengths=lengths,
        curves=read_curves(folders["model_run"]),
        summary=summary,
        items=items,
        targets=targets,
        recommended=items.count(list(chain.from_iterable(results.lists(MODEL)))),
        drift=drift(items.interactions, targets, summary, lengths),
        attention=summarize_attention(attention(model, users)),
        users=sample_users(model, record["order"]["served"], users[:SHOWN_USERS], items, config.train.seed),
        item_map=item_map(items, shown, unit_vectors(model, shown)),
    )
