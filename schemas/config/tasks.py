"""The tasks that a network learns in addition to the next item."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.config.section import Section

TaskWeight = Annotated[float, Field(gt=0.0)]


class NextCategoryConfig(Section):
    """Predict the categories of the next item from the history."""

    kind: Literal["next_category"] = Field(description="Which task this is.")
    column: str = Field(description="A category of `data.items.columns`.")
    weight: TaskWeight = Field(default=0.1, description="Weight of the task's loss.")


class ValueConfig(Section):
    """Predict the value of the next interaction, for example a rating or a time, from the history and the item."""

    kind: Literal["value"] = Field(description="Which task this is. It needs `data.columns.value`.")
    weight: TaskWeight = Field(default=0.1, description="Weight of the task's loss.")


class ItemCategoryConfig(Section):
    """Predict the category of an item from the rest of its content, for example from its title."""

    kind: Literal["item_category"] = Field(description="Which task this is.")
    column: str = Field(
        description="A category of `data.items.columns`. Of several categories of an item, the first one counts."
    )
    weight: TaskWeight = Field(default=0.1, description="Weight of the task's loss.")
    held_out: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Fraction of the items whose category the training does not see: the task is measured on them.",
    )


TaskConfig = Annotated[NextCategoryConfig | ValueConfig | ItemCategoryConfig, Field(discriminator="kind")]
