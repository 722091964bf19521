"""The part of a configuration that says how a model is judged, and what it must reach."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.config.log import Section

K = 10  # the length of the lists that validation and the gate judge
EVALUATION_DEPTH = 100  # of the lists that an exported model gives for evaluation

# By name, what trainer.metrics measures of each query, and of the catalogue.
METRICS = (
    "recall",
    "ndcg",
    "mrr",
    "precision",
    "hit_rate",
    "map",
    "popularity",
    "novelty",
    "diversity",
    "serendipity",
    "repeats",
)
CATALOGUE_METRICS = ("coverage", "gini")
AUC = "auc"  # of the ranking task
SLICES = ("history_length", "activity", "target_popularity", "hour")  # that components.slices always has

Baseline = Literal[
    "popularity",
    "recent_popularity",
    "repeat_last",
    "markov",
    "markov_two_back",
    "markov_three_back",
    "item_knn",
    "session_knn",
]


class SliceConfig(Section):
    """A slice by a further column of the log, of the items (of the target) or of the users."""

    column: str
    boundaries: tuple[float, ...] = ()  # of a number: where a group begins

    @model_validator(mode="after")
    def _ascending(self) -> SliceConfig:
        if any(low >= high for low, high in pairwise(self.boundaries)):
            raise ValueError(f"boundaries must rise from one to the next, not be {list(self.boundaries)}")
        return self


class GateConfig(Section):
    """What a model must reach on the test split to be pushed."""

    metric: str = "recall@10"  # that models are compared by, the greater the better
    floors: dict[str, float] = Field(default={})  # by metric, the least that it must reach
    ceilings: dict[str, float] = Field(default={})  # by metric, the most
    beat: tuple[Baseline, ...] = ("popularity", "markov")  # by an interval that lies above 0
    tolerance: Annotated[float, Field(ge=0.0)] = 0.0  # how much of the metric may be lost
    slices: tuple[str, ...] = ("target_popularity",)  # in whose groups nothing may be lost either
    strict: bool = False  # whether it must be shown that no more is lost, not only not shown that more is
    min_users: Annotated[int, Field(ge=2)] = 100  # of the test split
    max_size_mb: Annotated[float, Field(gt=0.0)] | None = None  # of the exported model
    max_latency_ms: Annotated[float, Field(gt=0.0)] | None = None  # of one request, median

    @model_validator(mode="after")
    def _can_be_strict(self) -> GateConfig:
        if self.strict and not self.tolerance:
            raise ValueError("strict needs a tolerance above 0: no number of users shows that nothing at all is lost")
        return self


class Slice(Section):
    """A `SliceConfig` with what the examples know of it."""

    name: str
    feature: str  # of the examples
    separator: str | None = None
    boundaries: tuple[float, ...] = ()


class EvaluateConfig(Section):
    """What is measured on the test split."""

    ks: tuple[Annotated[int, Field(ge=1, le=EVALUATION_DEPTH)], ...] = (5, 10, 20)  # lengths of the lists
    slices: tuple[SliceConfig, ...] = ()  # beside those there always are
    fairness: tuple[str, ...] = ()  # slices whose worst group is set beside the best
    bootstrap_samples: Annotated[int, Field(ge=100)] = 1000  # of the bootstrap
    gate: GateConfig = GateConfig()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all that is measured of each query."""
        return *(f"{name}@{k}" for name in METRICS for k in self.ks), AUC

    @model_validator(mode="after")
    def _names_are_known(self) -> EvaluateConfig:
        if K not in self.ks:
            raise ValueError(f"evaluate.ks must have {K}, the length of the lists that the gate looks at")
        if len(set(self.ks)) < len(self.ks):
            raise ValueError(f"evaluate.ks must have each length once, not be {list(self.ks)}")
        if self.gate.metric == AUC and self.gate.beat:
            raise ValueError("evaluate.gate.metric is auc, which baselines do not have: give evaluate.gate.beat: []")
        every = [*self.metrics, *(f"{name}@{k}" for name in CATALOGUE_METRICS for k in self.ks)]
        slices = [*SLICES, *(each.column for each in self.slices)]
        if twice := [name for name in slices if slices.count(name) > 1]:
            raise ValueError(f"evaluate.slices has {twice[0]!r}, and there is such a slice already")
        for setting, names, known in (
            ("evaluate.gate.metric", [self.gate.metric], self.metrics),
            ("evaluate.gate.floors", self.gate.floors, every),
            ("evaluate.gate.ceilings", self.gate.ceilings, every),
            ("evaluate.gate.slices", self.gate.slices, slices),
            ("evaluate.fairness", self.fairness, slices),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{setting} names {name!r}; there are: {', '.join(known)}")
        return self


class EvaluatorConfig(Section):
    """The part of a configuration that decides what an evaluation finds, given the examples and the models."""

    ks: tuple[int, ...]
    slices: tuple[Slice, ...]
    fairness: tuple[str, ...]
    bootstrap_samples: int
    times: bool  # whether the log's times are times of day
    remove_seen: bool  # whether baselines leave out what the user has seen
    categories: tuple[tuple[str, str | None], ...]  # columns of items, and separators, that make items alike
