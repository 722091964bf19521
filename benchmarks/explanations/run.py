"""Measure whether removing the items that an explanation names lowers a score more than removing others.

    .venv/bin/python -m benchmarks.explanations.run --root DIR

DIR has a finished run. The first recommendation of each user is explained by leaving out one interaction at a time, by
attention, and by naming the newest interactions. A result is one line of `results.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.explanations.deletion import PassedShares, compare_explanations
from benchmarks.provenance import circumstances
from components.baselines.tables import read_catalogue
from components.evaluator.queries import read_queries
from components.evaluator.statistics import Estimate, difference, mean_and_error
from components.evaluator.systems import call_signature, load_model
from pipeline.explanations.leave_one_out import Mask, WeightedCandidates, draw_candidates, log_probabilities
from pipeline.explanations.model_calls import attention, scores_of_parts
from pipeline.explanations.user_sample import draw_users
from pipeline.records.run_root import read_record, recorded_config
from schemas.features import TEST
from trainer.metrics.lists import Floats, Ids

RESULTS = Path(__file__).with_name("results.jsonl")
TARGET = 0.7  # of the users, for the item named first


def main(
    root: Annotated[Path, typer.Option(help="root of a finished run")],
    users: Annotated[int, typer.Option(help="users to draw from the test split")] = 1000,
) -> None:
    """Measure, print and record."""
    record = read_record(root.resolve())
    config, folders = recorded_config(record), record["artifacts"]
    examples = draw_users(
        f"{folders['examples']}/Split-{TEST}", record["data"]["examples"][TEST], users, config.train.seed
    )
    model, catalogue = load_model(folders["model"]), read_catalogue(folders["counts"])
    shares = measure(model, record["order"]["served"], examples, catalogue, config.train.seed)
    if not shares:
        raise typer.BadParameter("expected a test split with histories of two interactions or more, received none")
    found = {"log": config.name, "stage": record["order"]["served"], "target": TARGET, **summarize(shares)}
    print(json.dumps(found, indent=1))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**found, **circumstances()}) + "\n")


def measure(model: Any, stage: str, examples: Sequence[bytes], catalogue: Ids, seed: int) -> list[PassedShares]:
    """Compare the explanations of each user's first recommendation.

    Args:
        model: the exported model.
        stage: the stage whose ranking it serves.
        examples: a serialized example of each user.
        catalogue: the ids of all items.
        seed: the seed of all draws.

    Returns:
        The shares of each user with a recommendation and at least two interactions in the history.
    """
    generator, found = np.random.Generator(np.random.Philox(seed)), []
    queries, attended = read_queries(examples), attention(model, examples)
    served = call_signature(model, examples)["item_ids"]
    with typer.progressbar(range(len(examples))) as users:
        for user in users:
            listed, history = [item for item in served[user] if item], queries.histories[user]
            if listed and len(history) > 1:
                candidates = draw_candidates(listed, queries.seen[user], catalogue, generator)
                ask = partial(_log_probability, model, stage, examples[user], candidates)
                found.append(compare_explanations(len(history), attended[user], ask, generator))
    return found


def summarize(shares: Sequence[PassedShares]) -> dict[str, Any]:
    """Return the means over users with 95% intervals, and the advantage of leave-one-out over attention.

    Args:
        shares: the shares of each user.
    """
    users = np.arange(len(shares))
    found: dict[str, Any] = {"users": len(shares)}
    for test in PassedShares._fields:
        by_user = [getattr(each, test) for each in shares]
        values = {method: np.array([each[method] for each in by_user]) for method in by_user[0]}
        found[test] = {name: Estimate(*mean_and_error(some, users)).interval() for name, some in values.items()}
        found[f"{test}_advantage"] = difference(values["leave_one_out"], values["attention"], users).interval()
    return found


def _log_probability(model: Any, stage: str, example: bytes, candidates: WeightedCandidates, kept: Mask) -> Floats:
    """Return the logarithm of the first recommendation's probability after parts of a history, [parts]."""
    scores = scores_of_parts(model, stage, example, kept, candidates.ids)
    return log_probabilities(scores, candidates.represented)[:, 0]


if __name__ == "__main__":
    typer.run(main)
