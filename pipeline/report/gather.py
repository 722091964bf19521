"""Everything that a report shows, gathered from what a run wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.summary import read_summary
from components.evaluator.systems import load_model, unit_vectors
from components.example_gen.report import IngestionReport
from pipeline.records.run_root import recorded_config
from pipeline.report.curves import Curves, read_curves
from pipeline.report.drift import Drift, drift
from pipeline.report.explanations import Person, people
from pipeline.report.item_map import SHOWN, Map, item_map
from pipeline.report.items import Counts, KnownItems, read_items
from pipeline.report.lengths import Lengths, read_lengths
from pipeline.report.verdict_text import VerdictText, verdict
from schemas.config import Config
from schemas.features import TEST


@dataclass(frozen=True, eq=False)
class RunReport:
    """What is shown.

    Args:
        verdict: the opening.
        record: what `run.json` holds.
        config: what was run.
        ingestion: what became of the log's rows.
        lengths: of histories, by split.
        curves: of the training.
        summary: of the evaluation.
        items: the catalogue.
        targets: how often each item of the catalogue is to be found in test, [n].
        recommended: how often the model recommends it there, [n].
        drift: between training and test.
        people: some users.
        item_map: the vectors of the most popular items.
    """

    verdict: VerdictText
    record: Mapping[str, Any]
    config: Config
    ingestion: IngestionReport
    lengths: Mapping[str, Lengths]
    curves: Curves
    summary: Mapping[str, Any]
    items: KnownItems
    targets: Counts
    recommended: Counts
    drift: list[Drift]
    people: list[Person]
    item_map: Map

    @property
    def metric(self) -> str:
        """By which models are compared, like `recall@10`."""
        return self.config.evaluate.gate.metric

    @property
    def k(self) -> int:
        """The length of lists of that metric, or the middle one of those that were looked at."""
        _, _, k = self.metric.partition("@")
        return int(k) if k else sorted(self.config.evaluate.ks)[len(self.config.evaluate.ks) // 2]


def gather(record: Mapping[str, Any]) -> RunReport:
    """Reads it all.

    Args:
        record: what `run.json` holds.

    Raises:
        InputError: its settings are another version's, or the model cannot be loaded.
    """
    config, folders = recorded_config(record), record["artifacts"]
    summary, lengths = read_summary(record["evaluation"]), read_lengths(folders["statistics"])
    results = read_results(f"{record['evaluation']}/{QUERIES}")
    items = read_items(config, folders["counts"])
    model = load_model(folders["model"])
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
        people=people(model, f"{folders['examples']}/Split-{TEST}", results, items, config.train.seed),
        item_map=item_map(items, shown, unit_vectors(model, shown)),
    )
