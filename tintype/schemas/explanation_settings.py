"""What `explain` of a document may say: of batches, batch deployments and evaluations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tintype.schemas.explanation import ExplanationOptions, MethodName

__all__ = [
    "BatchExplain",
    "BatchExplanations",
    "EvaluationExplain",
    "EvaluationExplanations",
    "ExplanationSettings",
]


class ExplanationSettings(ExplanationOptions):
    """Which method explains, and how; `explain: xrai` is short for `{method: xrai}`, `true` for `{}`."""

    method: Literal["auto", MethodName] = "auto"
    """A method of docs/explanations.md. auto: the most faithful of those that are valid for the model."""

    seconds: float = Field(30.0, ge=0, le=86_400)
    """How long auto may compare methods, on four pictures, before the work begins."""

    @model_validator(mode="before")
    @classmethod
    def _from_method(cls, value: Any) -> Any:
        if value is True:
            return {}
        return {"method": value} if isinstance(value, str) else value

    def options(self) -> ExplanationOptions:
        """What of it is for the method itself."""
        own = set(ExplanationOptions.model_fields)
        return ExplanationOptions(**self.model_dump(include=own, exclude_unset=True))


class BatchExplanations(ExplanationSettings):
    """`explain`: pictures of what speaks for the answers of some rows, or of all."""

    rows: int | Literal["all"] = 100
    """The most rows that are explained, or all."""

    which: Literal["evenly", "first", "least_certain"] = "evenly"
    """Which ones, where there are more: spread evenly over the batch, the first, or those between two answers:
    by how far the second label is behind; multi-label, by how far the nearest probability is from 0.5."""

    target: list[str] = Field(default_factory=list)
    """Labels to explain. Left out: what the model predicts; multi-label every label from
    confidence_score_threshold_multilabel on."""

    attributions: bool = False
    """Whether the attributions are written, too: float32 [3, height, width] as .npy, 0.6 MB for 224 pixels."""

    @field_validator("rows", mode="before")
    @classmethod
    def _rows(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not whole and value != "all":
            raise ValueError(f"{value!r} given; expected a number from 1 on, or all")
        return value

    @field_validator("target", mode="before")
    @classmethod
    def _target(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _of_all_there_is_no_choice(self) -> BatchExplanations:
        if self.rows == "all" and "which" in self.model_fields_set:
            raise ValueError("which given, and rows is all; keep one")
        return self


class EvaluationExplanations(ExplanationSettings):
    """`explain`: what speaks for the answers in the surest mistakes, on the page."""

    rows: int = Field(12, ge=1, le=24)
    """The most mistakes that are explained, the surest first."""


def _unless_false(value: Any) -> Any:
    return None if value is False else value


BatchExplain = Annotated[BatchExplanations | None, BeforeValidator(_unless_false)]
"""`explain` of a batch; false is the same as none."""

EvaluationExplain = Annotated[EvaluationExplanations | None, BeforeValidator(_unless_false)]
"""`explain` of an evaluation; false is the same as none."""
