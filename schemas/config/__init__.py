"""The configuration of a pipeline: a frozen tree, validated once, passed down in parts."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from schemas.config.beam import BeamConfig
from schemas.config.checks import ChecksConfig
from schemas.config.cluster import ClusterConfig
from schemas.config.columns import ItemColumnConfig
from schemas.config.evaluation import EvaluateConfig, EvaluatorConfig, GateConfig, Slice, SliceConfig
from schemas.config.impressions import ImpressionEvaluatorConfig
from schemas.config.log import DataConfig, Feature
from schemas.config.model import (
    AttentionConfig,
    CandidateSource,
    DropoutConfig,
    EncoderConfig,
    HistoryConfig,
    InputsConfig,
    ItemTowerConfig,
    ModelConfig,
    RerankerConfig,
)
from schemas.config.notify import EmailConfig, NotifyConfig, Outcome, WebhookConfig
from schemas.config.presets import with_preset
from schemas.config.section import Section
from schemas.config.serving import PopularityKind, ServingConfig
from schemas.config.split import (
    LeaveOneOutConfig,
    SessionSplitConfig,
    SplitConfig,
    TemporalSplitConfig,
    TimeCutsConfig,
)
from schemas.config.text import TextConfig
from schemas.config.train import DistributionStrategy, ImpressionTrainingConfig, LossConfig, TrainConfig
from schemas.features import EVENT, VALUE, target_key, user_key

__all__ = [
    "AttentionConfig",
    "BeamConfig",
    "CandidateSource",
    "ChecksConfig",
    "ClusterConfig",
    "Config",
    "DataConfig",
    "DistributionStrategy",
    "DropoutConfig",
    "EmailConfig",
    "EncoderConfig",
    "EvaluateConfig",
    "EvaluatorConfig",
    "ExampleGenConfig",
    "GateConfig",
    "HistoryConfig",
    "ImpressionTrainingConfig",
    "InputsConfig",
    "ItemTowerConfig",
    "LeaveOneOutConfig",
    "LossConfig",
    "ModelConfig",
    "NotifyConfig",
    "Outcome",
    "PopularityKind",
    "RerankerConfig",
    "ServingConfig",
    "SessionSplitConfig",
    "SplitConfig",
    "TemporalSplitConfig",
    "TextConfig",
    "TimeCutsConfig",
    "TrainConfig",
    "TrainerConfig",
    "WebhookConfig",
]

_PIPELINE_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _check_pipeline_name(name: str) -> str:
    if not re.fullmatch(_PIPELINE_NAME, name):
        raise ValueError(
            "must be 1 to 63 small letters, digits and hyphens, and begin and end with a letter or a digit"
        )
    return name


# TFX takes names of up to 63 characters; Kubeflow takes no hyphen at the end.
PipelineName = Annotated[
    str,
    AfterValidator(_check_pipeline_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_PIPELINE_NAME}$"}),
]


class ExampleGenConfig(Section):
    """The settings that determine the examples. A table of items without `columns` does not."""

    data: DataConfig = Field(description="The log and how to read it.")
    split: SplitConfig = Field(description="How the log is divided.")
    history: HistoryConfig = Field(description="The part of a user's past that the model reads.")
    refit: bool = Field(default=False, description="Whether the examples of a refit are written as well.")


class TrainerConfig(Section):
    """The settings that, with the examples, determine the exported model."""

    history: HistoryConfig = Field(description="The part of a user's past that the model reads.")
    model: ModelConfig = Field(description="The network.")
    train: TrainConfig = Field(description="The fitting of the network.")
    serving: ServingConfig = Field(description="The answers of the exported model.")
    features: tuple[Feature, ...] = Field(
        default=(), description="The further columns of the log that the model reads."
    )
    item_columns: tuple[str, ...] = Field(
        default=(), description="The columns and vectors of the table of items that the model reads."
    )
    event_weights: dict[str, float] = Field(
        default={}, description="The weight of a target in the loss, by its event; empty if all weigh the same."
    )

    @property
    def reads_items(self) -> bool:
        """Whether the model reads the table of items."""
        return bool(
            self.item_columns or self.model.items.text.columns or self.model.label_columns or self.reads_lifetimes
        )

    @property
    def reads_lifetimes(self) -> bool:
        """Whether answers depend on the time of the query, because items age or expire."""
        return self.model.reranker.item_age or self.serving.expire_after_s is not None


class Config(Section):
    """The configuration of a pipeline."""

    name: PipelineName = Field(
        description="Name of the pipeline: 1 to 63 small letters, digits and hyphens. It begins and ends with a letter"
        " or a digit."
    )
    data: DataConfig = Field(description="The log and how to read it.")
    split: SplitConfig = Field(default=LeaveOneOutConfig(), description="How the log is divided.")
    history: HistoryConfig = Field(
        default=HistoryConfig(), description="The part of a user's past that the model reads."
    )
    model: ModelConfig = Field(default=ModelConfig(), description="The network.")
    train: TrainConfig = Field(default=TrainConfig(), description="The fitting of the network.")
    evaluate: EvaluateConfig = Field(default=EvaluateConfig(), description="The evaluation and the gate.")
    serving: ServingConfig = Field(default=ServingConfig(), description="The answers of the exported model.")
    beam: BeamConfig = Field(
        default=BeamConfig(), description="The engine of the Beam pipelines inside the components."
    )
    cluster: ClusterConfig = Field(
        default=ClusterConfig(),
        description="The machines of a compiled pipeline's tasks; a run on one machine ignores it.",
    )
    notify: NotifyConfig = Field(default=NotifyConfig(), description="Messages about the end of a run.")

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, value: Any) -> Any:
        return with_preset(value) if isinstance(value, dict) else value

    @property
    def example_gen_config(self) -> ExampleGenConfig:
        """The settings that determine the examples.

        The table of items, impressions, checks and the weights of events do not.
        """
        events = dict.fromkeys(sorted(self.data.events), 1.0) if self.data.events else None
        others = {"items": None, "impressions": None, "checks": ChecksConfig()}
        return ExampleGenConfig(
            data=self.data.model_copy(update={"events": events, **others}),
            split=self.split,
            history=self.history,
            refit=self.train.refit != "none",
        )

    @property
    def trainer_config(self) -> TrainerConfig:
        """The settings that, with the examples, determine the exported model. The refit after the gate does not."""
        weights = self.data.events or {}
        weights = weights if len({*weights.values()}) > 1 else {}
        values = [VALUE] if self.model.learns_values else []
        read = {*self.model.inputs.columns, *values, *([EVENT] if weights else [])}
        return TrainerConfig(
            history=self.history,
            model=self.model,
            train=self.train.model_copy(update={"refit": "none"}),
            serving=self.serving,
            features=tuple(each for each in self.data.features if each.name in read),
            item_columns=tuple(name for name in (self.data.items.content if self.data.items else ()) if name in read),
            event_weights=weights,
        )

    @property
    def sentence_encoders(self) -> tuple[str, ...]:
        """The sentence encoders that a run loads: packages, or folders."""
        frozen = self.data.items.sentence_vectors.values() if self.data.items else ()
        text = self.model.items.text
        adapted = (text.encoder,) if text.kind == "adapted_encoder" and text.columns else ()
        return (*(each.encoder for each in frozen), *adapted)

    @property
    def evaluator_config(self) -> EvaluatorConfig:
        """The settings that, with examples and models, determine an evaluation."""
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
            item_categories=tuple(name for name, each in self._item_columns.items() if each.kind == "category"),
        )

    @property
    def _item_columns(self) -> dict[str, ItemColumnConfig]:
        return self.data.items.columns if self.data.items else {}

    @property
    def impression_evaluator_config(self) -> ImpressionEvaluatorConfig:
        """The settings that, with impressions and a model, determine an evaluation by impression."""
        bias = self.data.impressions.position_bias if self.data.impressions else None
        return ImpressionEvaluatorConfig(
            bootstrap_samples=self.evaluate.bootstrap_samples, clip=bias.clip if bias else None
        )

    def _slice(self, wanted: SliceConfig) -> Slice:
        separators = {feature.name: feature.separator for feature in self.data.features}
        if wanted.column in separators:
            key: str | None = target_key(wanted.column)
        else:
            key = None if wanted.column in self._item_columns else user_key(wanted.column)
        separator = separators.get(wanted.column)
        return Slice(name=wanted.column, feature=key, separator=separator, boundaries=wanted.boundaries)

    @model_validator(mode="after")
    def _slices_are_there(self) -> Config:
        kinds = {feature.name: feature.kind for feature in self.data.features}
        kinds |= {name: column.kind for name, column in self._item_columns.items()}
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
    def _items_have_times(self) -> Config:
        ages = {
            "model.reranker.item_age": self.model.reranker.item_age,
            "serving.expire_after_s": self.serving.expire_after_s is not None,
        }
        setting = next((name for name, needed in ages.items() if needed), None)
        if setting and (self.data.items is None or self.data.items.published is None):
            raise ValueError(f"{setting} needs data.items.published, the column with the time of publication")
        if self.train.recent_half_life_s is not None:
            setting = "train.recent_half_life_s"
        if setting and self.data.timestamp.unit == "order":
            raise ValueError(f"{setting} needs times, and data.timestamp.unit is order")
        return self

    @model_validator(mode="after")
    def _impressions_are_divided(self) -> Config:
        impressions, learnt = self.data.impressions, self.train.impressions
        if learnt and impressions is None:
            raise ValueError("train.impressions needs a log of impressions: set data.impressions")
        if impressions is None:
            if self.evaluate.gate.impression_floors:
                raise ValueError("evaluate.gate.impression_floors needs a log of impressions: set data.impressions")
            return self
        if learnt and learnt.position == "weights" and impressions.position_bias is None:
            raise ValueError(
                "train.impressions.position is weights: set data.impressions.position_bias, which has them"
            )
        if not isinstance(self.split, TimeCutsConfig):
            raise ValueError(
                f"data.impressions are divided at the times of the split, which {self.split.kind} does not have:"
                " set split.kind to temporal or session"
            )
        if isinstance(self.split, SessionSplitConfig) and impressions.columns.history is None:
            raise ValueError("data.impressions.columns.history is required with the split session")
        return self

    @model_validator(mode="after")
    def _one_rule_of_sessions(self) -> Config:
        if isinstance(self.split, SessionSplitConfig) and self.split.gap_s is not None and self.data.columns.session:
            raise ValueError("split.gap_s and data.columns.session both define sessions: remove one of them")
        return self

    def _check_labels(self) -> None:
        """Refuse a task whose categories are not in the table of items, or that has nothing to read."""
        items = self.data.items
        categories = [name for name, each in self._item_columns.items() if each.kind == "category"]
        for task in self.model.tasks:
            if task.kind != "value" and task.column not in categories:
                raise ValueError(
                    f"the task {task.kind} names {task.column!r}, and the categories in data.items.columns are "
                    f"{', '.join(map(repr, categories)) or 'none'}"
                )
            content = {*(items.content if items else ())} & {*self.model.inputs.columns}
            if task.kind == "item_category" and not (content - {task.column} or self.model.items.text.columns):
                raise ValueError(
                    "the task item_category reads the other content of an item: name some in"
                    " model.items.text.columns or model.inputs.columns"
                )

    @model_validator(mode="after")
    def _inputs_are_there(self) -> Config:
        names = [feature.name for feature in self.data.features]
        names += self.data.items.content if self.data.items else []
        for name in self.model.inputs.columns:
            if name not in names:
                raise ValueError(
                    f"model.inputs.columns names {name!r}, and data.columns, data.items.columns, data.items.vectors "
                    f"and data.items.sentence_vectors have {', '.join(map(repr, names)) or 'no further column'}"
                )
        texts = ("title", *self.data.items.texts) if self.data.items else ()
        for name in self.model.items.text.columns:
            if name not in texts:
                raise ValueError(
                    f"model.items.text.columns names {name!r}, and the table of items has "
                    f"{', '.join(map(repr, texts)) or 'no text, because there is no data.items'}"
                )
        if self.model.learns_values and VALUE not in names:
            raise ValueError("model.reranker.by_value or the task value needs data.columns.value")
        self._check_labels()
        if self.model.reads_times and self.data.timestamp.unit == "order":
            raise ValueError(
                "model.inputs.time, model.inputs.query_time and model.attention.session_gap_s need times,"
                " and data.timestamp.unit is order"
            )
        return self
