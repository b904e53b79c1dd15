"""How a deployed model is loaded and how it answers: `settings` online, `scoring` in batch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from tintype.errors import UsageError
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.wire import Style, parse_style

__all__ = ["ScoringSettings"]


class ScoringSettings(ScorerOptions):
    """`settings`: the options of its Scorer, and how it answers."""

    response_style: Style = "probs"
    """For requests that name none: probs (A, all classes), list (B) or ranked (C)."""

    on_row_error: Literal["fail", "skip"] = "fail"
    """fail: one bad row fails its request, with the row's index. skip: the other rows are
    answered."""

    @field_validator("response_style", mode="before")
    @classmethod
    def _style(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_style(value)
        except UsageError as error:
            raise ValueError(str(error)) from None

    def options(self) -> ScorerOptions:
        """What of it is for `Scorer.load`."""
        own = set(ScorerOptions.model_fields)
        return ScorerOptions(**self.model_dump(include=own, exclude_unset=True))
