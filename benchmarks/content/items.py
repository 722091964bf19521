"""Measure what the content of items brings: for all items, for the rarest, and for items that no training has seen.

    .venv/bin/python -m benchmarks.content.items --work runs/content

The last interactions of each user are held out of all trainings, and become queries. Three models are trained: one
that reads ids only, one that reads content as well, and one with content whose training lacks some items. These cold
items are added to it by `temporec index add`, with several boosts. A result is one line of `items.jsonl`. A training
that is in `--work` already is not repeated.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
import typer

from benchmarks.content.by_content import (
    expected_recall,
    nearest_to_history,
    nearest_to_last,
    popular_in_category,
)
from benchmarks.content.held_out import Query, coldest, divide, draw_cold
from benchmarks.provenance import circumstances
from benchmarks.run_pipeline import run_pipeline
from components.evaluator.statistics import difference
from components.evaluator.systems import call_signature, load_model
from pipeline.commands.add_items import add_items
from pipeline.records.run_root import read_record
from schemas.config import Config, ModelConfig
from schemas.config.evaluation import K
from schemas.features import ITEM_IDS, VOCABULARY
from schemas.loading import load_config
from trainer.data.content_similarity import content_matrix
from trainer.data.item_features import read_item_features
from trainer.metrics import recall_and_ndcg, target_ranks

RESULTS = Path(__file__).with_name("items.jsonl")
CONFIG = Path(__file__).with_name("movielens-100k.yaml")
SHARE_OF_RAREST = 0.2
LISTS = {"served": "item_ids", "retrieval": "retrieval_item_ids"}  # outputs of the signature `evaluate`
BOOSTS = (0.0, 1.0, 2.0)
ONLY_IDS = ("model.inputs.columns=[]", "model.items.text.columns=[]")

Values = dict[str, npt.NDArray[np.float64]]  # by metric, of each query


def main(
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    config: Annotated[
        Path, typer.Option(help="the log, its table of items, and the columns that the model reads")
    ] = CONFIG,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="override a setting; repeatable")] = None,
    seed: Annotated[int, typer.Option(help="seed of the trainings and of the cold items")] = 1,
    held_out: Annotated[int, typer.Option(help="last interactions of each user that are held out")] = 10,
    cold_share: Annotated[float, typer.Option(help="fraction of the items that one training lacks")] = 0.1,
) -> None:
    """Train what is not trained yet, measure, print and record."""
    settings = [*(overrides or ()), f"train.seed={seed}"]
    loaded = load_config(config, settings)
    log = read_log(loaded)
    cold = draw_cold(log["item"].tolist(), cold_share, seed)

    def trained(name: str, *more: str, without: Sequence[str] = ()) -> Path:
        path = work.resolve() / f"{name}-{seed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        return train(config, [*settings, *more], log[divide(log, held_out, without).trained], path)

    roots = {"ids": trained("ids", *ONLY_IDS), "content": trained("content"), "cold": trained("cold", without=cold)}
    found = {
        "log": loaded.name,
        "preset": loaded.model.preset,
        "columns": [*loaded.model.inputs.columns, *loaded.model.items.text.columns],
        "seed": seed,
        "held_out": held_out,
        "cold_share": cold_share,
        "known": measure_known(roots["ids"], roots["content"], log, held_out),
        "cold": measure_cold(roots["cold"], log, held_out, cold),
    }
    print(json.dumps(found, indent=1))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**found, **circumstances()}) + "\n")


def read_log(config: Config) -> pd.DataFrame:
    """Return the log's users, items and times, in the order of its rows.

    Args:
        config: the description of a log in one CSV file.
    """
    columns = config.data.columns
    names = {columns.user: "user", columns.item: "item", columns.timestamp: "time"}
    log = pd.read_csv(config.data.path, sep=config.data.delimiter, usecols=list(names), dtype=str).rename(columns=names)
    return log.assign(time=log["time"].astype(float))


def train(config: Path, settings: Sequence[str], log: pd.DataFrame, path: Path) -> Path:
    """Run the pipeline on a part of a log, unless it has been run.

    Args:
        config: the configuration of the whole log.
        settings: settings to override.
        log: the rows of the part.
        path: the file for them. The root of the run has its name without the suffix.

    Returns:
        The root of the run.
    """
    root = path.with_suffix("")
    if not (root / "run.json").exists():
        data = load_config(config, settings).data
        columns = {"user": data.columns.user, "item": data.columns.item, "time": data.columns.timestamp}
        # A timestamp of whole seconds must not become 1.0e9.
        log.assign(time=log["time"].map("{:.0f}".format)).rename(columns=columns).to_csv(
            path, sep=data.delimiter, index=False
        )
        given = [part for each in (*settings, f"data.path={path}") for part in ("--set", each)]
        run_pipeline(["--config", str(config.resolve()), *given], root)
    return root


def measure_known(ids: Path, content: Path, log: pd.DataFrame, held_out: int) -> dict[str, Any]:
    """Compare a model that reads content with one that does not, for all items and the rarest fifth.

    Args:
        ids: the root of the model without content.
        content: that of the model with content.
        log: the whole log.
        held_out: the last interactions of each user, which are the queries.
    """
    division = divide(log, held_out)
    rare = coldest(log["item"][division.trained].tolist(), SHARE_OF_RAREST)
    parts: dict[str, list[Query]] = {
        "all": division.queries,
        "rarest": [query for query in division.queries if query.target in rare],
    }
    found: dict[str, Any] = {}
    for part, queries in parts.items():
        of_ids, of_content = (measure(_model(root), queries) for root in (ids, content))
        users = np.unique([query.user for query in queries], return_inverse=True)[1]
        found[part] = {
            "queries": len(queries),
            "ids": _means(of_ids),
            "content": _means(of_content),
            "difference": {name: list(difference(of_content[name], of_ids[name], users).interval()) for name in of_ids},
        }
    return found


def measure_cold(root: Path, log: pd.DataFrame, held_out: int, cold: Sequence[str]) -> dict[str, Any]:
    """Measure items that a training has not seen, among all items, next to what needs no training.

    Args:
        root: the root of the model whose training lacks the items.
        log: the whole log.
        held_out: the last interactions of each user, which are the queries.
        cold: the items.
    """
    without = versions_folder(_model(root), root / "versions")
    record = read_record(root)
    added = {boost: _add(without, record["config"]["data"]["items"]["path"], boost) for boost in BOOSTS}
    catalogue = _vocabulary(added[0.0])
    row_of = {item: row for row, item in enumerate(catalogue)}
    division, added_cold, warm = divide(log, held_out, cold), set(cold) & set(row_of), set(_vocabulary(without))
    of_cold = [query for query in division.queries if query.target in added_cold]
    of_warm = [query for query in division.queries if query.target in warm]
    network = ModelConfig.model_validate(record["config"]["model"])
    features = read_item_features(
        record["artifacts"]["items"], network.inputs.columns, network.items.text, f"{added[0.0]}/assets/{VOCABULARY}"
    )
    content = content_matrix(features, len(warm)).toarray().astype(np.float64)
    counts = log["item"][division.trained].value_counts()
    scorers = {
        "most popular in category": popular_in_category(
            content, np.array([int(counts.get(item, 0)) for item in catalogue])
        ),
        "content nearest to the last item": nearest_to_last(content),
        "content nearest to the history": nearest_to_history(content),
    }
    before = measure(without, of_warm)
    users = np.unique([query.user for query in of_warm], return_inverse=True)[1]
    by_boost = []
    for boost, model in added.items():
        warmly = measure(model, of_warm)
        lost = {name: list(difference(warmly[name], before[name], users).interval()) for name in before}
        by_boost.append(
            {"boost": boost, "cold": _means(measure(model, of_cold)), "warm": _means(warmly), "difference": lost}
        )
    return {
        "items": {"cold": len(added_cold), "all": len(catalogue)},
        "cold_queries": len(of_cold),
        "warm_queries": len(of_warm),
        "by_boost": by_boost,
        "ids_only": _means(measure(without, of_cold)),
        "cold_without_training": {
            "random": K / len(catalogue),
            **{name: float(expected_recall(each, of_cold, row_of, K).mean()) for name, each in scorers.items()},
        },
        "warm_without_cold_items": _means(before),
    }


def _add(model: Path, table: str, boost: float) -> Path:
    """Return a version with the new items of a table."""
    added = add_items(str(model), table, boost=boost)
    if added.version is None:
        raise RuntimeError("\n".join(added.verdict.reasons))
    return Path(added.version)


def versions_folder(model: Path, folder: Path) -> Path:
    """Copy a model to a folder of versions that has no other version, and return the version."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(model, folder / "1"))


def measure(model: Path, queries: Sequence[Query]) -> Values:
    """Return recall and NDCG of each query, of the served list and of retrieval's.

    Args:
        model: the folder of a saved model.
        queries: the queries.
    """
    answers = call_signature(load_model(str(model)), [_example(query.history) for query in queries])
    targets = np.array([query.target for query in queries], dtype=object)
    found: Values = {}
    for stage, output in LISTS.items():
        metrics = recall_and_ndcg(target_ranks(answers[output], targets), K)
        for name, values in zip(("recall", "ndcg"), metrics, strict=True):
            found[f"{stage} {name}@{K}"] = values
    return found


def _means(values: Values) -> dict[str, float]:
    return {name: float(each.mean()) for name, each in values.items()}


def _model(root: Path) -> Path:
    return Path(read_record(root)["artifacts"]["model"])


def _vocabulary(model: Path) -> list[str]:
    return Path(model, "assets", VOCABULARY).read_text(encoding="utf-8").splitlines()


def _example(history: Sequence[str]) -> bytes:
    items = tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode() for item in history]))
    return bytes(tf.train.Example(features=tf.train.Features(feature={ITEM_IDS: items})).SerializeToString())


if __name__ == "__main__":
    typer.run(main)
