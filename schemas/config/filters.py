"""Conditions for the rows of a log that are kept."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, model_validator

from schemas.config.section import Section


class FilterConfig(Section):
    """A condition for rows to keep: `matches`, `one_of` or a range of numbers. Other rows are `filtered`."""

    column: str = Field(description="Column that the condition reads.")
    matches: str | None = Field(default=None, description="Regular expression that the whole value must match.")
    one_of: tuple[str, ...] | None = Field(default=None, min_length=1, description="Texts that the value may be.")
    above: float | None = Field(default=None, description="Number that the value must exceed.")
    at_least: float | None = Field(default=None, description="Minimum of the value, a number.")
    below: float | None = Field(default=None, description="Number that the value must not reach.")
    at_most: float | None = Field(default=None, description="Maximum of the value, a number.")

    @property
    def condition(self) -> str:
        """The condition in words, like `Quantity above 0`."""
        words = [self.column]
        for name, value in self._given().items():
            text = f"{value:.15g}" if isinstance(value, float) else value if name == "matches" else ", ".join(value)
            words.append(f"{name.replace('_', ' ')} {text}")
        return " ".join(words)

    def _given(self) -> dict[str, Any]:
        return self.model_dump(exclude={"column"}, exclude_none=True)

    @model_validator(mode="after")
    def _one_condition(self) -> FilterConfig:
        given = self._given()
        if not given or (len(given) > 1 and {"matches", "one_of"} & given.keys()):
            raise ValueError("give one of matches, one_of, or a range of above or at_least and below or at_most")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is not a regular expression: {error}") from None
        for text in self.one_of or ():
            if text != text.strip():
                raise ValueError(f"one_of has {text!r}, but white space around a value is removed before a filter")
        self._check_range()
        return self

    def _check_range(self) -> None:
        for strict, other in (("above", "at_least"), ("below", "at_most")):
            if getattr(self, strict) is not None and getattr(self, other) is not None:
                raise ValueError(f"give either {strict} or {other}")
        low = self.at_least if self.above is None else self.above
        high = self.at_most if self.below is None else self.below
        if low is None or high is None:
            return
        if low > high or (low == high and (self.above is not None or self.below is not None)):
            raise ValueError(f"no number is in the range: {self.condition}")
