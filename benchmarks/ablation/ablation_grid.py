"""The logs and the switches that are tried on them.

A row is a set of settings that differ from the defaults. Its name is its key in the recorded results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.provenance import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"
HISTORY = "history.max_length"  # a row that sets it needs examples of its own

ATTENTION = (
    "scaled_dot_product",
    "dot_product",
    "general",
    "concat",
    "additive",
    "local_monotonic",
    "local_predictive",
    "memory_network",
    "hierarchical",
)

VALUES_OF_STATES = "attention: values of states, feed-forward layer"

ATTENTION_ROWS: dict[str, tuple[str, ...]] = {
    "default": (),
    **{f"attention: {kind}": (f"model.attention.kind={kind}",) for kind in ATTENTION},
    "attention: values of states": ("model.attention.values=states",),
    "attention: feed-forward layer": ("model.attention.feed_forward=2",),
    VALUES_OF_STATES: ("model.attention.values=states", "model.attention.feed_forward=2"),
    "attention: none": ("model.attention.blocks=0",),
}

PAST = ("model.inputs.time=true", "model.inputs.columns=[value, genres, year]")

ROWS: dict[str, tuple[str, ...]] = {
    **ATTENTION_ROWS,
    "attention: two blocks": ("model.attention.blocks=2",),
    "attention: four heads": ("model.attention.heads=4",),
    "attention: before the recurrence": ("model.attention.position=before",),
    "recurrence: none, position": ("model.encoder.kind=none", "model.inputs.position=true"),
    "recurrence: none, two blocks, position": (
        "model.encoder.kind=none",
        "model.attention.blocks=2",
        "model.inputs.position=true",
    ),
    "recurrence: rnn": ("model.encoder.kind=rnn",),
    "recurrence: lstm": ("model.encoder.kind=lstm",),
    "recurrence: two layers": ("model.encoder.layers=2",),
    "width: 32": ("model.dim=32", "model.encoder.units=32"),
    "width: 128": ("model.dim=128", "model.encoder.units=128"),
    **{
        f"dropout: {rate}": tuple(f"model.dropout.{part}={rate}" for part in ("embedding", "recurrence", "hidden"))
        for rate in (0.0, 0.2, 0.4)
    },
    **{
        f"history: {length}{name and ', '}{name}": (f"{HISTORY}={length}", *switches)
        for length in (10, 200)
        for name, switches in (
            ("", ()),
            ("attention: none", ("model.attention.blocks=0",)),
            ("recurrence: none, position", ("model.encoder.kind=none", "model.inputs.position=true")),
        )
    },
    "batch: 8 histories": ("train.batch_size=8",),
    "batch: 32 histories": ("train.batch_size=32",),
    "loss: sampled": ("train.loss.kind=sampled",),
    "loss: sampled, temperature 0.5": ("train.loss.kind=sampled", "train.loss.temperature=0.5"),
    "loss: in_batch": ("train.loss.kind=in_batch",),
    "loss: binary": ("train.loss.kind=binary",),
    "loss: smoothing 0.1": ("train.loss.smoothing=0.1",),
    "ranking: without counts": ("model.reranker.cooccurrence=false",),
    "ranking: neighbours suggest, too": ("model.reranker.candidate_sources=[markov, neighbours, recent_popularity]",),
    "input: position": ("model.inputs.position=true",),
    "input: time": ("model.inputs.time=true",),
    "input: value": ("model.inputs.columns=[value]",),
    "input: genres": ("model.inputs.columns=[genres]",),
    "input: year": ("model.inputs.columns=[year]",),
    "input: all of the past": PAST,
    "input: all of the past, attention: none": (*PAST, "model.attention.blocks=0"),
    "input: query time": ("model.inputs.query_time=true",),
    "input: all, query time": (*PAST, "model.inputs.query_time=true"),
}

# Rows whose settings have another name than when their results were recorded.
TITLES = {
    "ranking: without counts": "reranker: without co-occurrence",
    "ranking: neighbours suggest, too": "reranker: neighbours as a candidate source, too",
    "input: all of the past": "input: time, value, genres, year",
    "input: all of the past, attention: none": "input: time, value, genres, year; attention: none",
    "input: all, query time": "input: time, value, genres, year, query time",
}


class Log(NamedTuple):
    """A log and the rows that are tried on it."""

    config: Path
    epochs: int
    rows: Mapping[str, tuple[str, ...]]
    option: str | None = None  # of the commands, that gives the log's file; None if the configuration names it


# What attention brings, on logs where all rows take too long. Each pair is a row and the row that is subtracted.
FEW_ROWS = {
    name: ATTENTION_ROWS[name] for name in ("default", "attention: general", VALUES_OF_STATES, "attention: none")
}
PAIRS = (
    ("default", "attention: none"),
    ("default", "attention: general"),
    ("default", VALUES_OF_STATES),
)

LOGS = {
    "MovieLens-100K": Log(Path(__file__).with_name("movielens-100k.yaml"), 16, ROWS),
    "Amazon Toys": Log(BENCHMARKS / "refit" / "toys.yaml", 20, FEW_ROWS, "toys"),
    "Online Retail": Log(BENCHMARKS / "online-retail.yaml", 10, FEW_ROWS, "online_retail"),
    "MovieLens-1M": Log(Path(__file__).with_name("movielens-1m.yaml"), 10, FEW_ROWS, "movielens_1m"),
}


def examples_folder(work: Path, log: str, switches: Iterable[str]) -> Path:
    """Return the root of the run that makes the examples of a row.

    Args:
        work: folder for intermediate files.
        log: key of `LOGS`.
        switches: the row's settings.
    """
    history = [switch for switch in switches if switch.startswith(HISTORY)]
    return work / "-".join(["examples", log.replace(" ", "-"), *history])
