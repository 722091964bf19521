"""The configuration of a pipeline: a frozen tree, validated once, passed down in parts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.config.evaluation import EvaluateConfig, EvaluatorConfig, Slice, SliceConfig
from schemas.config.log import DataConfig, Feature, Section, Share
from schemas.config.presets import with_preset
from schemas.features import VALUE, target_key, user_key

PipelineName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Step = Annotated[int, Field(ge=0)]  # of training, counted from 0


class LeaveOneOutConfig(Section):
    """Each user's last interaction is the test target, the one before it validation's."""

    kind: Literal["leave_one_out"] = "leave_one_out"


class TimeCutsConfig(Section):
    """Global cuts in time: train before the first, test from the second on.

    The cuts are given as times (UTC unless they say otherwise), or as the
    shares of interactions that lie after them.
    """

    validation_from: datetime | None = None
    test_from: datetime | None = None
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    test_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1

    @model_validator(mode="after")
    def _in_order(self) -> TimeCutsConfig:
        if (self.validation_from is None) != (self.test_from is None):
            raise ValueError("give both validation_from and test_from, or neither")
        if self.validation_from and self.test_from and not self.cuts_s()[0] < self.cuts_s()[1]:
            raise ValueError("validation_from must be earlier than test_from")
        if self.validation_share + self.test_share >= 1.0:
            raise ValueError("validation_share + test_share must leave something to train on")
        return self

    def cuts_s(self) -> tuple[float, float]:
        """The given cut times in unix seconds."""
        if self.validation_from is None or self.test_from is None:
            raise ValueError("this split is given by shares: its cuts are known once the log is read")
        validation, test = (
            (t if t.tzinfo else t.replace(tzinfo=timezone.utc)).timestamp()
            for t in (self.validation_from, self.test_from)
        )
        return validation, test


class TemporalSplitConfig(TimeCutsConfig):
    """What a user does before the first cut is trained on, what comes after each cut is predicted."""

    kind: Literal["temporal"]
    targets: Literal["next", "all"] = "next"  # of a test example: the first interaction after the cut, or all


class SessionSplitConfig(TimeCutsConfig):
    """Each session lies in one split, by when it begins; in validation and test it is revealed step by step."""

    kind: Literal["session"]
    gap_s: Annotated[float, Field(gt=0.0)] | None = None  # a longer pause ends a session; without it a user is one


class HistoryConfig(Section):
    """What the model reads of a user's past."""

    max_length: Annotated[int, Field(ge=1)] = 50  # the most recent interactions


class EncoderConfig(Section):
    """The recurrence over the history."""

    kind: Literal["rnn", "lstm", "gru", "none"] = "gru"
    units: Annotated[int, Field(ge=1)] = 64
    layers: Annotated[int, Field(ge=1)] = 1


class AttentionConfig(Section):
    """Self-attention over the history, in blocks; the ranking task attends in the same way."""

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
    ] = "general"
    blocks: Annotated[int, Field(ge=0)] = 1
    position: Literal["after", "before"] = "after"  # of the recurrence
    feed_forward: Annotated[int, Field(ge=1)] = 2  # width of a block's hidden layer, in widths of the states
    heads: Annotated[int, Field(ge=1)] = 2  # of multi_head
    window: Annotated[int, Field(ge=1)] = 10  # of the local kinds: places on each side
    hops: Annotated[int, Field(ge=1)] = 3  # of memory_network
    session_items: Annotated[int, Field(ge=1)] = 10  # of hierarchical: interactions in a session, without a gap
    # Of hierarchical: what ends a session; rounded down to where a bucket of gaps begins.
    session_gap_s: Annotated[float, Field(gt=0.0)] | None = None

    @model_validator(mode="after")
    def _has_sessions(self) -> AttentionConfig:
        if self.session_gap_s is not None and self.kind != "hierarchical":
            raise ValueError(f"session_gap_s is for the kind hierarchical, and the kind is {self.kind}")
        return self


class DropoutConfig(Section):
    """Shares of values that are dropped in training."""

    embedding: Rate = 0.1  # of the embedded interactions
    recurrence: Rate = 0.1  # of the states of the recurrence
    attention: Rate = 0.0  # of the places that a position may attend to
    hidden: Rate = 0.1  # inside the attention blocks, and of the states that come out

    @model_validator(mode="before")
    @classmethod
    def _one_for_all(cls, value: Any) -> Any:
        return dict.fromkeys(cls.model_fields, value) if isinstance(value, int | float) else value


CandidateSource = Literal[
    "markov", "followers", "window", "predecessors", "neighbours", "popularity", "recent_popularity"
]


class RerankerConfig(Section):
    """The ranking task, trained beside retrieval, which reorders what retrieval finds."""

    candidates: Annotated[int, Field(ge=1)] = 200  # of retrieval that are reordered
    cooccurrence: bool = True  # whether what is counted suggests candidates, and counts in the order
    candidate_sources: tuple[CandidateSource, ...] = (
        "markov",
        "recent_popularity",
    )  # which of the counts suggest candidates
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    positions: Annotated[int, Field(ge=1)] = 4  # of each history, drawn anew each step
    negatives: Annotated[int, Field(ge=1)] = 32  # candidates drawn beside each target
    weight: Annotated[float, Field(ge=0.0)] = 0.1  # of its loss beside retrieval's; 0: it has no network
    by_value: bool = False  # whether a target counts more, the greater its value is among those of the log

    @model_validator(mode="after")
    def _has_a_network(self) -> RerankerConfig:
        if self.by_value and not self.weight:
            raise ValueError("by_value is for a network that is trained, and weight is 0")
        return self


class InputsConfig(Section):
    """What the network reads beside the items of a history."""

    position: bool = False  # the place in the history
    time: bool = False  # of each interaction: since the one before, the hour and the weekday (UTC)
    query_time: bool = False  # the same of the moment for which is recommended
    columns: tuple[str, ...] = ()  # names of further columns


class ModelConfig(Section):
    """The network."""

    preset: Literal["fast", "balanced", "best"] = "balanced"  # of settings that a configuration does not say itself
    dim: Annotated[int, Field(ge=1)] = 64  # of the item embedding
    inputs: InputsConfig = InputsConfig()
    encoder: EncoderConfig = EncoderConfig()
    attention: AttentionConfig = AttentionConfig()
    dropout: DropoutConfig = DropoutConfig()
    reranker: RerankerConfig = RerankerConfig()

    @property
    def reads(self) -> tuple[str, ...]:
        """What is read beside items and their order: `time`, `query_time`, names of further columns."""
        time = self.inputs.time or self.attention.session_gap_s is not None
        of_times = {"time": time, "query_time": self.inputs.query_time}
        return *(name for name, read in of_times.items() if read), *self.inputs.columns

    @property
    def reads_times(self) -> bool:
        """Whether any times are read."""
        return not {"time", "query_time"}.isdisjoint(self.reads)

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelConfig:
        if self.attention.kind == "multi_head" and self.dim % self.attention.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of attention.heads ({self.attention.heads})")
        return self


class LossConfig(Section):
    """The loss of the retrieval task, at every position of a history."""

    kind: Literal["full", "sampled", "in_batch", "binary"] = "full"
    negatives: Annotated[int, Field(ge=1)] = 1024  # of sampled and binary: drawn uniformly, the same for a whole batch
    in_batch: Annotated[int, Field(ge=0)] = 256  # of sampled: drawn from the batch's targets beside them
    smoothing: Rate = 0.0  # of the softmax's targets
    calibration: Share = 0.75  # of binary

    @model_validator(mode="after")
    def _smooths_a_softmax(self) -> LossConfig:
        if self.smoothing and self.kind == "binary":
            raise ValueError("smoothing is for losses that are a softmax, and the kind is binary")
        return self


DistributionStrategy = Literal["none", "mirrored", "multi_worker", "tpu"]


class TrainConfig(Section):
    """How the network is fitted."""

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 16  # histories
    accumulation: Annotated[int, Field(ge=1)] = 1  # parts in which a batch is computed, to save memory
    loss: LossConfig = LossConfig()
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.003
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    schedule: Literal["cosine", "plateau"] = "cosine"
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0001
    l2: Annotated[float, Field(ge=0.0)] = 0.0
    clip_norm: Annotated[float, Field(gt=0.0)] = 5.0
    patience: Annotated[int, Field(ge=1)] = 8  # epochs without a better validation NDCG@10
    strategy: DistributionStrategy = "none"
    mixed_precision: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    profile: tuple[Step, Step] | None = None  # the first and the last step that TensorBoard's profiler records
    wandb: Annotated[str, StringConstraints(min_length=1)] | None = None  # the project in Weights & Biases

    @model_validator(mode="after")
    def _in_order(self) -> TrainConfig:
        if self.profile is not None and self.profile[0] > self.profile[1]:
            raise ValueError(f"profile must end after it begins, not at {self.profile[1]} from {self.profile[0]} on")
        return self


PopularityKind = Literal["popularity", "recent_popularity"]


class ServingConfig(Section):
    """What the exported model answers."""

    k: Annotated[int, Field(ge=10)] = 10  # recommendations, where the request names no number; the gate judges ten
    remove_seen: bool = True  # never recommend an item of the history
    fallback: PopularityKind = "popularity"  # the baseline that answers where no item of the history is known


SplitConfig = Annotated[LeaveOneOutConfig | TemporalSplitConfig | SessionSplitConfig, Field(discriminator="kind")]


class ExampleGenConfig(Section):
    """The part of a configuration that decides what the examples are."""

    data: DataConfig
    split: SplitConfig
    history: HistoryConfig


class TrainerConfig(Section):
    """The part of a configuration that decides what the exported model is, given the examples."""

    history: HistoryConfig
    model: ModelConfig
    train: TrainConfig
    serving: ServingConfig
    features: tuple[Feature, ...] = ()  # the further columns that the model reads


class Config(Section):
    """A whole pipeline."""

    name: PipelineName
    data: DataConfig
    split: SplitConfig = LeaveOneOutConfig()
    history: HistoryConfig = HistoryConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    serving: ServingConfig = ServingConfig()

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, value: Any) -> Any:
        return with_preset(value) if isinstance(value, dict) else value

    @property
    def example_gen_config(self) -> ExampleGenConfig:
        """What the examples depend on: titles, for one, they do not."""
        items = (
            self.data.items.model_copy(update={"title": ""}) if self.data.items and self.data.items.columns else None
        )
        return ExampleGenConfig(
            data=self.data.model_copy(update={"items": items}), split=self.split, history=self.history
        )

    @property
    def trainer_config(self) -> TrainerConfig:
        """What the exported model depends on beside the examples."""
        read = {*self.model.inputs.columns, *([VALUE] if self.model.reranker.by_value else [])}
        return TrainerConfig(
            history=self.history,
            model=self.model,
            train=self.train,
            serving=self.serving,
            features=tuple(feature for feature in self.data.features if feature.name in read),
        )

    @property
    def evaluator_config(self) -> EvaluatorConfig:
        """What an evaluation finds depends on, beside the examples and the models."""
        return EvaluatorConfig(
            ks=self.evaluate.ks,
            slices=tuple(self._slice(each) for each in self.evaluate.slices),
            fairness=self.evaluate.fairness,
            bootstrap_samples=self.evaluate.bootstrap_samples,
            times=self.data.timestamp.unit != "order",
            remove_seen=self.serving.remove_seen,
            categories=tuple(
                (feature.name, feature.separator)
                for feature in self.data.features
                if (feature.of, feature.kind) == ("item", "category")
            ),
        )

    def _slice(self, wanted: SliceConfig) -> Slice:
        users = self.data.users.columns if self.data.users else {}
        described = {feature.name: feature for feature in self.data.features}
        separator = None if wanted.column in users else described[wanted.column].separator
        key = user_key(wanted.column) if wanted.column in users else target_key(wanted.column)
        return Slice(name=wanted.column, feature=key, separator=separator, boundaries=wanted.boundaries)

    @model_validator(mode="after")
    def _slices_are_there(self) -> Config:
        kinds = {feature.name: feature.kind for feature in self.data.features}
        of_users = {name: column.kind for name, column in self.data.users.columns.items()} if self.data.users else {}
        both, kinds = kinds.keys() & of_users, kinds | of_users
        for each in self.evaluate.slices:
            if each.column in both:
                raise ValueError(f"evaluate.slices names {each.column!r}, a column of users and of others")
            if each.column not in kinds:
                raise ValueError(
                    f"evaluate.slices names {each.column!r}; further columns of the log, the items and the users: "
                    f"{', '.join(map(repr, kinds)) or 'none'}"
                )
            if (kinds[each.column] == "number") != bool(each.boundaries):
                raise ValueError(
                    f"evaluate.slices: {each.column!r} is a {kinds[each.column]}: "
                    + ("give boundaries" if kinds[each.column] == "number" else "boundaries are for numbers")
                )
        return self

    @model_validator(mode="after")
    def _split_has_times(self) -> Config:
        if self.data.timestamp.unit == "order":
            if isinstance(self.split, TimeCutsConfig) and self.split.test_from is not None:
                raise ValueError(
                    "split.validation_from and split.test_from are times, and data.timestamp.unit is order: "
                    "give split.validation_share and split.test_share"
                )
            if isinstance(self.split, SessionSplitConfig) and self.split.gap_s is not None:
                raise ValueError("split.gap_s needs times, and data.timestamp.unit is order")
        return self

    @model_validator(mode="after")
    def _inputs_are_there(self) -> Config:
        inputs, names = self.model.inputs, [feature.name for feature in self.data.features]
        for name in inputs.columns:
            if name not in names:
                raise ValueError(
                    f"model.inputs.columns names {name!r}, and data.columns and data.items.columns have "
                    f"{', '.join(map(repr, names)) or 'no further column'}"
                )
        if self.model.reranker.by_value and VALUE not in names:
            raise ValueError("model.reranker.by_value needs data.columns.value")
        if self.model.reads_times and self.data.timestamp.unit == "order":
            raise ValueError(
                "model.inputs.time, model.inputs.query_time and model.attention.session_gap_s need times,"
                " and data.timestamp.unit is order"
            )
        return self
