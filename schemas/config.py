"""The configuration of a pipeline: a frozen tree, validated once, passed down in parts."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """A part of the tree: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(Section):
    """Which columns of the log hold an interaction."""

    user: str
    item: str
    timestamp: str


class Timestamp(Section):
    """How the log writes time: a number in a unit, or text in a format.

    `order` is for logs that hold only the order of interactions: any whole
    number is taken, and no date is read into it.
    """

    unit: Literal["s", "ms", "us", "ns", "order"] | None = None
    format: str | None = None  # strptime's directives; without %z the times are UTC

    @model_validator(mode="after")
    def _one_of_both(self) -> Timestamp:
        if (self.unit is None) == (self.format is None):
            raise ValueError("give either a unit (s, ms, us, ns, order) or a format, not both")
        return self


class Filter(Section):
    """Rows to keep; the others are counted as rejected, reason `filtered`."""

    column: str
    matches: str | None = None  # a regular expression that the whole value must match
    above: float | None = None  # the value, as a number, must be greater than this

    @model_validator(mode="after")
    def _one_of_both(self) -> Filter:
        if (self.matches is None) == (self.above is None):
            raise ValueError("give either matches or above")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is no regular expression: {error}") from None
        return self


class Items(Section):
    """A table of items, for showing recommendations by title."""

    path: str
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    id: str
    title: str


class Data(Section):
    """The log and how to read it."""

    path: str  # a file or a glob, plain or compressed (.gz), local or on a file system Beam knows
    format: Literal["csv"] = "csv"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = '"'
    column_names: tuple[str, ...] | None = None  # for files without a header line
    columns: Columns
    timestamp: Timestamp
    null_values: tuple[str, ...] = ("",)  # what stands for "no user" and "no item"
    filters: tuple[Filter, ...] = ()
    max_rejected_share: Share = 0.05  # of the rows read; filtered rows do not count
    min_item_interactions: Annotated[int, Field(ge=1)] = 1  # applied before the users' minimum
    min_user_interactions: Annotated[int, Field(ge=1)] = 1
    items: Items | None = None


class LeaveOneOut(Section):
    """Each user's last interaction is the test target, the one before it validation's."""

    kind: Literal["leave_one_out"] = "leave_one_out"


class Temporal(Section):
    """Global cuts in time: train before the first, test from the second on.

    The cuts are given as times (UTC unless they say otherwise), or as the
    shares of interactions that lie after them.
    """

    kind: Literal["temporal"]
    validation_from: datetime | None = None
    test_from: datetime | None = None
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    test_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1

    @model_validator(mode="after")
    def _in_order(self) -> Temporal:
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


class History(Section):
    """What the model reads of a user's past."""

    max_length: Annotated[int, Field(ge=1)] = 50  # the most recent interactions


class Encoder(Section):
    """The recurrence over the history."""

    kind: Literal["gru"] = "gru"
    units: Annotated[int, Field(ge=1)] = 64
    layers: Annotated[int, Field(ge=1)] = 1


class Attention(Section):
    """How the states of the recurrence are read."""

    kind: Literal["dot_product", "additive", "multi_head"] = "multi_head"
    heads: Annotated[int, Field(ge=1)] = 2  # of multi_head


class Ranking(Section):
    """The ranking task, trained beside retrieval."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    positions: Annotated[int, Field(ge=1)] = 4  # of each history, drawn anew each step
    negatives: Annotated[int, Field(ge=1)] = 16  # candidates drawn beside each target
    weight: Annotated[float, Field(ge=0.0)] = 0.1  # of its loss beside retrieval's


class Model(Section):
    """The network."""

    dim: Annotated[int, Field(ge=1)] = 64  # of the item embedding
    encoder: Encoder = Encoder()
    attention: Attention = Attention()
    dropout: Rate = 0.4
    ranking: Ranking = Ranking()

    @model_validator(mode="after")
    def _heads_divide(self) -> Model:
        if self.attention.kind == "multi_head" and self.dim % self.attention.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of attention.heads ({self.attention.heads})")
        return self


class Train(Section):
    """How the network is fitted."""

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 16  # histories
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.003
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0001
    clip_norm: Annotated[float, Field(gt=0.0)] = 5.0
    patience: Annotated[int, Field(ge=1)] = 8  # epochs without a better validation recall@10
    seed: Annotated[int, Field(ge=0)] = 1


class Gate(Section):
    """What a model must reach on the test split to be pushed."""

    min_recall: Share = 0.0  # recall@10
    max_loss: Share = 0.01  # recall@10 it may lie below the last blessed model


class Serving(Section):
    """What the exported model answers."""

    k: Annotated[int, Field(ge=10)] = 10  # recommendations, where the request names no number; the gate judges ten
    remove_seen: bool = True  # never recommend an item of the history


Split = Annotated[LeaveOneOut | Temporal, Field(discriminator="kind")]


class Ingestion(Section):
    """The part of a configuration that decides what the examples are."""

    data: Data
    split: Split
    history: History


class Training(Section):
    """The part of a configuration that decides what the exported model is, given the examples."""

    history: History
    model: Model
    train: Train
    serving: Serving


class Config(Section):
    """A whole pipeline."""

    name: Name
    data: Data
    split: Split = LeaveOneOut()
    history: History = History()
    model: Model = Model()
    train: Train = Train()
    gate: Gate = Gate()
    serving: Serving = Serving()

    @property
    def ingestion(self) -> Ingestion:
        """What the examples depend on: titles, for one, they do not."""
        return Ingestion(data=self.data.model_copy(update={"items": None}), split=self.split, history=self.history)

    @property
    def training(self) -> Training:
        """What the exported model depends on beside the examples."""
        return Training(history=self.history, model=self.model, train=self.train, serving=self.serving)
