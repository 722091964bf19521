"""The section `split`: how a log is divided into training, validation and test."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, model_validator

from schemas.config.section import Section

# In JSON a time is a string. `date-time` would forbid a date, and a time without a zone.
SplitTime = Annotated[datetime, WithJsonSchema({"type": "string"})]
_KIND = "How the log is divided into training, validation and test; see docs/protocols.md."


class LeaveOneOutConfig(Section):
    """A split by position: each user's last interaction is for test, the one before it for validation."""

    kind: Literal["leave_one_out"] = Field(default="leave_one_out", description=_KIND)


class TimeCutsConfig(Section):
    """Two split times for all users: training ends at the first one, test begins at the second one.

    They are given as times (UTC unless they name a zone), or as the fractions
    of interactions that lie after them.
    """

    validation_from: SplitTime | None = Field(
        default=None,
        description="Start of the validation span for `temporal` and `session`: a date or a time, in UTC unless it"
        " names a zone. Requires `test_from`.",
    )
    test_from: SplitTime | None = Field(
        default=None,
        description="Start of the test span for `temporal` and `session`: a date or a time, later than"
        " `validation_from`.",
    )
    validation_share: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Fraction of the interactions in the validation span, used if no times are given.",
    )
    test_share: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Fraction of the interactions in the test span, used if no times are given.",
    )

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
        """Return the starts of the validation span and of the test span, in Unix seconds.

        Raises:
            ValueError: the split is given by fractions, so its times depend on the log.
        """
        if self.validation_from is None or self.test_from is None:
            raise ValueError("this split is given by fractions: its times are known after the log is read")
        validation, test = (
            (t if t.tzinfo else t.replace(tzinfo=timezone.utc)).timestamp()
            for t in (self.validation_from, self.test_from)
        )
        return validation, test


class TemporalSplitConfig(TimeCutsConfig):
    """A split by time: interactions before the first split time train, interactions after each one are targets."""

    kind: Literal["temporal"] = Field(description=_KIND)
    targets: Literal["next", "all"] = Field(
        default="next",
        description="Targets of a test example of `temporal`: the `next` interaction after the split time, or `all`"
        " items that follow it.",
    )


class SessionSplitConfig(TimeCutsConfig):
    """A split of whole sessions by their start; validation and test reveal a session step by step."""

    kind: Literal["session"] = Field(description=_KIND)
    gap_s: float | None = Field(
        default=None,
        gt=0.0,
        description="Pause in seconds after which a session of `session` ends. Without it, each user is one session,"
        " unless `data.columns.session` names the sessions.",
    )


SplitConfig = Annotated[LeaveOneOutConfig | TemporalSplitConfig | SessionSplitConfig, Field(discriminator="kind")]
