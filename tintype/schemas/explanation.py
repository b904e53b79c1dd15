"""How an answer is explained: one value for the SDK, commands and, by Azure's names, requests."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tintype.schemas.document import Document, StrictModel, validate

__all__ = ["ExplanationOptions", "MethodName"]

MethodName = Literal[
    "xrai",
    "integrated_gradients",
    "guided_gradcam",
    "guided_backprop",
    "attention",
    "attention_rollout",
    "occlusion",
    "rise",
]
"""The first four are Azure's."""


class ExplanationOptions(StrictModel):
    """Settings of the methods; Azure's have Azure's names and defaults."""

    n_steps: int = Field(50, ge=2, le=1000)
    """integrated_gradients, xrai: points on the way from the baseline to the image."""

    approximation_method: Literal["riemann_middle", "gausslegendre"] = "riemann_middle"
    """integrated_gradients: how the integral is approximated."""

    xrai_fast: bool = True
    """xrai: rank the segments once, without looking again at what overlaps."""

    confidence_score_threshold_multilabel: float = Field(0.5, ge=0, le=1)
    """Multi-label: every class at or above it is explained, where none is named."""

    window: float = Field(1 / 7, gt=0, le=1)
    """occlusion: side of the window as a share of the image's shorter side; it moves by half of itself."""

    masks: int = Field(1000, ge=1, le=100_000)
    """rise: random masks."""

    cells: int = Field(7, ge=1, le=64)
    """rise: cells of a mask in each direction; each is kept with probability 1/2."""

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """rise: of its masks."""

    batch_size: int = Field(8, ge=1, le=256)
    """Most images in one pass. A pass that goes back for gradients holds all that the network computed:
    about 150 MB an image for ViT-B/16."""

    @classmethod
    def of(cls, **given: Any) -> ExplanationOptions:
        """The options by name.

        Raises:
            UsageError: names every option that is unknown or out of its range.
        """
        return validate(cls, Document(given))
