"""The section `serving`: what the exported model answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.config.section import Section

PopularityKind = Literal["popularity", "recent_popularity"]


class ServingConfig(Section):
    """The answers of the exported model."""

    # The gate judges lists of 10.
    k: int = Field(
        default=10,
        ge=10,
        le=2**31 - 1,
        description="Number of recommendations, unless a request names its own `k`. At least the 10 that the gate"
        " judges.",
    )
    remove_seen: bool = Field(default=True, description="Never recommend an item of the history.")
    expire_after_s: int | None = Field(
        default=None,
        gt=0,
        description="Seconds from the publication of an item until it is no longer recommended. Requires"
        " `data.items.published`; see docs/freshness.md.",
    )
    fallback: PopularityKind = Field(
        default="popularity", description="Baseline that answers if no item of the history is known."
    )
