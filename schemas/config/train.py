"""The section `train`: how the network is fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.config.section import Section

DistributionStrategy = Literal["none", "mirrored", "multi_worker", "tpu"]
RefitKind = Literal["none", "counts", "full"]
TrainingStep = Annotated[int, Field(ge=0)]  # counted from 0


class LossConfig(Section):
    """The loss of the retrieval task, at every position of a history."""

    kind: Literal["full", "sampled", "in_batch", "binary"] = Field(
        default="full",
        description="Items with which the retrieval loss compares a target; see docs/configuration.md#kinds-of-loss.",
    )
    negatives: int = Field(
        default=1024,
        ge=1,
        description="Number of negatives of `sampled` and `binary`, drawn uniformly, the same for a whole batch.",
    )
    in_batch: int = Field(
        default=256, ge=0, description="Number of negatives that `sampled` draws from the batch's targets in addition."
    )
    smoothing: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Label smoothing: fraction of a target's probability that is spread over all items. Not for"
        " `binary`.",
    )
    temperature: float = Field(
        default=1.0,
        gt=0.0,
        description="What scores are divided by in the loss. Below 1, close scores differ more. Not for `binary`.",
    )
    calibration: float = Field(
        default=0.75, ge=0.0, le=1.0, description="Calibration of `binary`: 0 for no correction, 1 for a full one."
    )

    @model_validator(mode="after")
    def _is_a_softmax(self) -> LossConfig:
        given = "smoothing" if self.smoothing else "temperature" if self.temperature != 1.0 else None
        if given and self.kind == "binary":
            raise ValueError(f"{given} is for losses that are a softmax, and the kind is binary")
        return self


class ImpressionTrainingConfig(Section):
    """The fitting of the scores of shown items to impressions before the test span."""

    position: Literal["ignore", "feature", "weights"] = Field(
        default="ignore",
        description="Correction for the position of a shown item: none, an effect of each position that is fitted and"
        " left out in serving, or clicks that weigh by the inverse of their propensity.",
    )
    clip: float | None = Field(
        default=None,
        gt=0.0,
        description="Maximum weight of a click, with `weights`. By default weights are not clipped.",
    )

    @model_validator(mode="after")
    def _clips_weights(self) -> ImpressionTrainingConfig:
        if self.clip is not None and self.position != "weights":
            raise ValueError(f"clip bounds the weights of clicks, and position is {self.position}: set it to weights")
        return self


class TrainConfig(Section):
    """The fitting of the network."""

    epochs: int = Field(default=20, ge=1, description="Maximum number of epochs.")
    batch_size: int = Field(
        default=16,
        ge=1,
        description="Number of windows of `history.max_length` in a batch. A batch of shorter windows holds more of"
        " them; see docs/models.md#what-a-batch-is.",
    )
    accumulation: int = Field(
        default=1,
        ge=1,
        description="Number of parts into which a batch is split to save memory; they are computed one after the other."
        " With a loss other than `full`, each step then updates all items instead of those in the batch: time and"
        " memory grow with the catalogue.",
    )
    loss: LossConfig = Field(default=LossConfig(), description="The loss of the retrieval task.")
    learning_rate: float = Field(default=0.003, gt=0.0, description="Peak of the learning rate.")
    warmup_steps: int = Field(
        default=100,
        ge=0,
        description="Number of steps until the learning rate reaches its peak; at most a quarter of the training.",
    )
    schedule: Literal["cosine", "plateau"] = Field(
        default="cosine",
        description="Learning rate after its peak: `cosine` decays it to 1%, `plateau` halves it after two epochs"
        " without progress.",
    )
    weight_decay: float = Field(default=0.0001, ge=0.0, description="Weight decay of AdamW.")
    l2: float = Field(
        default=0.0,
        ge=0.0,
        description="Weight of the sum of squares in the loss. Above 0, each step updates all items: time grows with"
        " the catalogue.",
    )
    clip_norm: float = Field(default=5.0, gt=0.0, description="Maximum norm of all gradients together.")
    patience: int = Field(
        default=8, ge=1, description="Number of epochs without a better validation NDCG@10 after which training stops."
    )
    strategy: DistributionStrategy = Field(
        default="none",
        description="Distribution over devices. `multi_worker` reads `TF_CONFIG`. `tpu` reads `TPU_NAME`, and was never"
        " tried on a TPU.",
    )
    mixed_precision: bool = Field(
        default=False, description="Compute in bfloat16: for a GPU or TPU. It brings no gain on a CPU."
    )
    seed: int = Field(
        default=1,
        ge=0,
        lt=2**32,
        description="Seed of every random number in training, and of the choice of users in the report. Confidence"
        " intervals do not depend on it.",
    )
    recent_half_life_s: float | None = Field(
        default=None,
        gt=0.0,
        description="Seconds in which the weight of an interaction halves in recent popularity: in the baseline, the"
        " ranking stage and the fallback. By default the weight halves with each tenth of all interactions.",
    )
    refit: RefitKind = Field(
        default="counts",
        description="Part of a blessed model that is computed anew from the whole log before the push: nothing,"
        " co-occurrence counts and popularity, or these and the network; see docs/models.md#refit-before-release.",
    )
    impressions: ImpressionTrainingConfig | None = Field(
        default=None,
        description="Learn to score shown items from the impressions before the test span, with non-clicks as"
        " negatives. Without it, impressions are only evaluated. See docs/impressions.md#training.",
    )
    profile: tuple[TrainingStep, TrainingStep] | None = Field(
        default=None,
        description="First and last step that TensorBoard's profiler records, like `[100, 110]`; see"
        " docs/tensorboard.md.",
    )
    wandb: str | None = Field(
        default=None,
        min_length=1,
        description="Project of Weights & Biases that receives the training metrics; see docs/tensorboard.md.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> TrainConfig:
        if self.profile is not None and self.profile[0] > self.profile[1]:
            raise ValueError(f"profile must end after it begins, not at {self.profile[1]} from {self.profile[0]} on")
        return self
