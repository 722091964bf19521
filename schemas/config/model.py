"""The sections `history` and `model`: what the network reads, and how it is built."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.config.section import Section
from schemas.config.tasks import TaskConfig
from schemas.config.text import TextConfig
from schemas.features import ITEM_AGE

DropoutRate = Annotated[float, Field(ge=0.0, lt=1.0)]
CandidateSource = Literal[
    "markov", "followers", "window", "predecessors", "neighbours", "popularity", "recent_popularity"
]


class HistoryConfig(Section):
    """The part of a user's past that the model reads."""

    max_length: int = Field(
        default=50, ge=1, description="Number of interactions that the model reads of a history: the most recent ones."
    )


class EncoderConfig(Section):
    """The recurrent network over the history."""

    kind: Literal["rnn", "lstm", "gru", "none"] = Field(
        default="gru", description="Recurrent cell; `none` leaves the attention blocks alone."
    )
    units: int = Field(
        default=64, ge=1, description="Width of the recurrence. Another width than `model.dim` is projected to it."
    )
    layers: int = Field(default=1, ge=1, description="Number of recurrent layers, each inside a residual.")


class AttentionConfig(Section):
    """Attention blocks over the history: each position attends to the earlier ones."""

    kind: Literal[
        "scaled_dot_product",
        "dot_product",
        "general",
        "concat",
        "additive",
        "multi_head",
        "local_monotonic",
        "local_predictive",
        "memory_network",
        "hierarchical",
    ] = Field(
        default="multi_head",
        description="How a position attends to the history; see docs/configuration.md#kinds-of-attention.",
    )
    blocks: int = Field(
        default=1, ge=0, description="Number of attention blocks; 0 leaves the recurrent network alone."
    )
    values: Literal["items", "states"] = Field(
        default="items",
        description="What a position reads of an earlier one: the `items`' vector as it is, or the projected state; see"
        " docs/models.md#choose-an-attention.",
    )
    position: Literal["after", "before"] = Field(
        default="after", description="Whether the blocks come `after` or `before` the recurrent network."
    )
    feed_forward: int = Field(
        default=0,
        ge=0,
        description="Width of the feed-forward layer of a block, as a multiple of the width of the states; 0 for none.",
    )
    heads: int = Field(
        default=2,
        ge=1,
        description="Number of heads of `multi_head`; `model.dim` must be a multiple of it.",
    )
    window: int = Field(
        default=10,
        ge=1,
        description="Number of positions on each side that `local_monotonic` and `local_predictive` read.",
    )
    hops: int = Field(default=3, ge=1, description="Number of times that `memory_network` reads the history.")
    session_items: int = Field(
        default=10,
        ge=1,
        description="Number of interactions in a session of `hierarchical`, used without `session_gap_s`.",
    )
    session_gap_s: float | None = Field(
        default=None,
        gt=0.0,
        description="Pause in seconds after which a session of `hierarchical` ends. It is rounded down to the end of a"
        " bucket that Transform computes for the times between interactions.",
    )

    @model_validator(mode="after")
    def _has_sessions(self) -> AttentionConfig:
        if self.session_gap_s is not None and self.kind != "hierarchical":
            raise ValueError(f"session_gap_s is for the kind hierarchical, and the kind is {self.kind}")
        return self


class DropoutConfig(Section):
    """Fractions of values that training drops; one number sets all of them.

    Without a rate, training chooses it by the number of targets that an item has; see docs/models.md#dropout.
    """

    embedding: DropoutRate | None = Field(default=None, description="Dropout rate of the embedded interactions.")
    recurrence: DropoutRate | None = Field(default=None, description="Dropout rate of the recurrences' outputs.")
    attention: DropoutRate = Field(default=0.0, description="Dropout rate of the positions that a position attends to.")
    hidden: DropoutRate | None = Field(
        default=None,
        description="Dropout rate of the outputs of the attention blocks.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_rate_for_all(cls, value: Any) -> Any:
        return dict.fromkeys(cls.model_fields, value) if isinstance(value, int | float) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        section = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [section, {"type": "number", "minimum": 0.0, "exclusiveMaximum": 1.0}]}


class RerankerConfig(Section):
    """The ranking stage, which sorts the candidates of retrieval again."""

    candidates: int = Field(
        default=200,
        ge=1,
        description="Number of retrieval's best items that are re-ranked; if `serving.k` is larger, `serving.k` are.",
    )
    cooccurrence: bool = Field(
        default=True,
        description="Use the co-occurrence features of the training split, as candidate sources and as features of the"
        " re-ranking: items that followed, preceded and accompanied the last items, popularity, and recent popularity.",
    )
    candidate_sources: tuple[CandidateSource, ...] = Field(
        default=("markov", "recent_popularity"),
        description="Co-occurrence features that add candidates: `followers` of the last item, `markov` up to three"
        " positions on, `window` up to ten, `predecessors`, `neighbours` in the same histories (item-kNN),"
        " `popularity`, `recent_popularity`. They add 50 candidates for each of the last three items, and 50 popular"
        " ones.",
    )
    item_age: bool = Field(
        default=False,
        description="Use the age of a candidate at the time of the query as a feature of the re-ranking. Requires"
        " `data.items.published`; see docs/freshness.md.",
    )
    by_value: bool = Field(
        default=False,
        description="Weight a target by its value when the ranking stage is fitted: the higher it is among the values"
        " of the log, the more it counts. Requires `data.columns.value`; see docs/inputs.md#learn-from-values.",
    )


class InputsConfig(Section):
    """Inputs of the network in addition to the items of a history."""

    position: bool = Field(default=False, description="Read the position of an interaction in the history.")
    time: bool = Field(
        default=False,
        description="Read the time since the previous interaction, the hour and the weekday (UTC) of each interaction.",
    )
    query_time: bool = Field(
        default=False,
        description="Read the time since the last interaction, the hour and the weekday (UTC) of the query: the moment"
        " for which the model recommends.",
    )
    columns: tuple[str, ...] = Field(
        default=(),
        description="Names of further columns to read, from `data.columns`, `data.items.columns` and"
        " `data.items.vectors`; see docs/inputs.md.",
    )


class ItemTowerConfig(Section):
    """How an item's vector is made of its id and its content, where the model reads content of items."""

    id_dropout: DropoutRate = Field(
        default=0.1,
        description="Fraction of the items whose ids each training step hides, so that content alone works. Only for"
        " a model that reads content of items; see docs/models.md#the-item-tower.",
    )
    text: TextConfig = Field(default=TextConfig(), description="The texts of items, and the network over them.")


class ModelConfig(Section):
    """The network."""

    preset: Literal["fast", "balanced", "best"] = Field(
        default="balanced",
        description="Named set of settings, used where the configuration sets no value; see docs/models.md.",
    )
    dim: int = Field(default=64, ge=1, description="Width of the item embeddings.")
    inputs: InputsConfig = Field(default=InputsConfig(), description="Inputs in addition to the items of a history.")
    items: ItemTowerConfig = Field(default=ItemTowerConfig(), description="The vectors of items.")
    encoder: EncoderConfig = Field(default=EncoderConfig(), description="The recurrent network.")
    attention: AttentionConfig = Field(default=AttentionConfig(), description="The attention blocks.")
    dropout: DropoutConfig = Field(
        default=DropoutConfig(),
        description="The dropout rates, or one for all. Training chooses missing ones; see docs/models.md#dropout.",
    )
    reranker: RerankerConfig = Field(default=RerankerConfig(), description="The ranking stage.")
    tasks: tuple[TaskConfig, ...] = Field(
        default=(),
        description="Tasks that the network learns in addition to the next item, each kind at most once; see"
        " docs/models.md#further-tasks.",
    )
    task_weights: Literal["given", "learned"] = Field(
        default="given",
        description="Whether the losses have the tasks' weights, or weights that are learned and start there.",
    )

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the inputs in addition to items and their order: times, ages of items, further columns."""
        time = self.inputs.time or self.attention.session_gap_s is not None
        of_times = {"time": time, "query_time": self.inputs.query_time, ITEM_AGE: self.reranker.item_age}
        return *(name for name, read in of_times.items() if read), *self.inputs.columns

    @property
    def learns_values(self) -> bool:
        """Whether a loss reads the values of interactions."""
        return self.reranker.by_value or any(task.kind == "value" for task in self.tasks)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns of the table of items that tasks predict."""
        return tuple(dict.fromkeys(task.column for task in self.tasks if task.kind != "value"))

    @property
    def reads_times(self) -> bool:
        """Whether the model reads any times."""
        return not {"time", "query_time"}.isdisjoint(self.reads)

    @model_validator(mode="after")
    def _tasks_are_distinct(self) -> ModelConfig:
        kinds = [task.kind for task in self.tasks]
        twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
        if twice:
            raise ValueError(f"tasks has {twice} twice: remove one of them")
        return self

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelConfig:
        if self.attention.kind == "multi_head" and self.dim % self.attention.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of attention.heads ({self.attention.heads})")
        return self
