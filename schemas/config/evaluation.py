"""The section `evaluate`: what is measured on the test split, and what a model must reach to be pushed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.config.section import Section

K = 10  # length of the lists that validation and the gate judge
EVALUATION_DEPTH = 100  # length of the lists that an exported model returns for evaluation

# Names of the metrics in trainer.metrics: first those of a query, then those of the catalogue.
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
AUC = "auc"  # a metric of the ranking task
SLICES = ("history_length", "activity", "target_popularity", "hour")  # slices that every evaluation has

ImpressionMetric = Literal["auc", "mrr", "ndcg@5", "ndcg@10"]

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
    """A slice by a further column: of the log, of the items (the target's value) or of the users."""

    column: str = Field(
        description="Name of a further column of the log, the items or the users. The built-in slices are always"
        " there; see docs/protocols.md#slices."
    )
    boundaries: tuple[float, ...] = Field(
        default=(), description="Lower bounds of the groups, in ascending order. Required for a number only."
    )

    @model_validator(mode="after")
    def _ascending(self) -> SliceConfig:
        if any(low >= high for low, high in pairwise(self.boundaries)):
            raise ValueError(f"boundaries must rise from one to the next, not be {list(self.boundaries)}")
        return self


class GateConfig(Section):
    """The conditions that a model must meet on the test split to be pushed."""

    metric: str = Field(
        default="recall@10",
        description="Metric that compares models: a metric of each query, with a length from `evaluate.ks`. Higher"
        " values are better. See docs/gate.md.",
    )
    floors: dict[str, float] = Field(default={}, description="Minimum that a model must reach, by metric.")
    impression_floors: dict[ImpressionMetric, float] = Field(
        default={},
        description="Minimum that a model must reach on the lists of the test impressions, by metric: `auc`, `mrr`,"
        " `ndcg@5`, `ndcg@10`. Requires `data.impressions`.",
    )
    ceilings: dict[str, float] = Field(default={}, description="Maximum that a model may have, by metric.")
    beat: tuple[Baseline, ...] = Field(
        default=("popularity", "markov"),
        description="Baselines that a model must beat: the confidence interval of the difference must lie above 0.",
    )
    tolerance: float = Field(
        default=0.0, ge=0.0, description="Maximum loss in `metric` compared with the served model."
    )
    slices: tuple[str, ...] = Field(
        default=("target_popularity",),
        description="Slices in whose groups a model must not lose more than `tolerance` either.",
    )
    strict: bool = Field(
        default=False,
        description="Require evidence that the loss is at most `tolerance`. Without it, a model is refused only if the"
        " evidence shows a larger loss. Requires a `tolerance` above 0.",
    )
    min_users: int = Field(
        default=100, ge=2, description="Minimum number of users in the test split; with fewer the model is refused."
    )
    max_size_mb: float | None = Field(default=None, gt=0.0, description="Maximum size of the exported model in MB.")
    max_latency_ms: float | None = Field(
        default=None,
        gt=0.0,
        description="Maximum median latency of one request in milliseconds, on the machine that evaluates.",
    )

    @model_validator(mode="after")
    def _can_be_strict(self) -> GateConfig:
        if self.strict and not self.tolerance:
            raise ValueError("strict needs a tolerance above 0: no number of users proves a loss of exactly 0")
        return self


class EvaluateConfig(Section):
    """The measurements on the test split."""

    ks: tuple[Annotated[int, Field(ge=1, le=EVALUATION_DEPTH)], ...] = Field(
        default=(5, 10, 20),
        description="Lengths of the lists that are measured, 10 among them, up to 100; see docs/evaluation.md.",
    )
    slices: tuple[SliceConfig, ...] = Field(default=(), description="Slices in addition to the built-in ones.")
    fairness: tuple[str, ...] = Field(default=(), description="Slices whose worst group is compared with the best one.")
    bootstrap_samples: int = Field(default=1000, ge=100, description="Number of bootstrap samples.")
    gate: GateConfig = Field(default=GateConfig(), description="The conditions for a push.")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics of a query."""
        return *(f"{name}@{k}" for name in METRICS for k in self.ks), AUC

    @model_validator(mode="after")
    def _names_are_known(self) -> EvaluateConfig:
        if K not in self.ks:
            raise ValueError(f"evaluate.ks must have {K}, the length of the lists that the gate judges")
        if len(set(self.ks)) < len(self.ks):
            raise ValueError(f"evaluate.ks must have each length once, not be {list(self.ks)}")
        if self.gate.metric == AUC and self.gate.beat:
            raise ValueError("evaluate.gate.metric is auc, which baselines do not have: give evaluate.gate.beat: []")
        slices = [*SLICES, *(each.column for each in self.slices)]
        if twice := [name for name in slices if slices.count(name) > 1]:
            raise ValueError(f"evaluate.slices has {twice[0]!r}, and there is such a slice already")
        for setting, names, known in self._references(slices):
            for name in names:
                if name not in known:
                    raise ValueError(f"{setting} names {name!r}; there are: {', '.join(known)}")
        return self

    def _references(self, slices: list[str]) -> Iterator[tuple[str, Iterable[str], Sequence[str]]]:
        """Yield each setting that names metrics or slices, the names, and the names that exist."""
        every = [*self.metrics, *(f"{name}@{k}" for name in CATALOGUE_METRICS for k in self.ks)]
        yield "evaluate.gate.metric", [self.gate.metric], self.metrics
        yield "evaluate.gate.floors", self.gate.floors, every
        yield "evaluate.gate.ceilings", self.gate.ceilings, every
        yield "evaluate.gate.slices", self.gate.slices, slices
        yield "evaluate.fairness", self.fairness, slices


class Slice(Section):
    """A `SliceConfig` together with the place of its values: a feature of the examples, or the table of items."""

    name: str = Field(description="Name of the slice.")
    feature: str | None = Field(
        description="Feature of the examples that holds its values; None for a column of the table of items."
    )
    separator: str | None = Field(default=None, description="Separator between the categories in a value.")
    boundaries: tuple[float, ...] = Field(default=(), description="Lower bounds of the groups of a number.")


class EvaluatorConfig(Section):
    """The settings that, with examples and models, determine an evaluation."""

    ks: tuple[int, ...] = Field(description="Lengths of the lists that are measured.")
    slices: tuple[Slice, ...] = Field(description="Slices in addition to the built-in ones.")
    fairness: tuple[str, ...] = Field(description="Slices whose worst group is compared with the best one.")
    bootstrap_samples: int = Field(description="Number of bootstrap samples.")
    times: bool = Field(description="Whether the log has times of day.")
    remove_seen: bool = Field(description="Whether baselines leave out the items that the user has seen.")
    categories: tuple[tuple[str, str | None], ...] = Field(
        description="Columns of the log with categories of items, each with its separator. They define similar items."
    )
    item_categories: tuple[str, ...] = Field(
        default=(), description="Columns of the table of items with categories. They define similar items, too."
    )

    @property
    def item_columns(self) -> tuple[str, ...]:
        """The columns of the table of items that the evaluation reads."""
        return tuple(dict.fromkeys([*self.item_categories, *(each.name for each in self.slices if not each.feature)]))
