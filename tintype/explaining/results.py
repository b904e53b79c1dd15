"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tintype.explaining.targets import Target
from tintype.schemas.explanation import MethodName

__all__ = ["Attribution", "Explanation"]


@dataclass(frozen=True)
class Attribution:
    """What in an image speaks for one label, and what against it."""

    target: Target

    confidence: float
    """The model's probability of the label; of texts and pictures the cosine."""

    values: np.ndarray
    """float32 (3, height, width) over the model's input: where `signed`, positive speaks for the label. Methods
    that do not tell channels apart share a pixel's value out equally."""

    signed: bool = True
    """False: a value's sign says whether the pixel would have to be brighter or darker, as that of a gradient
    does, and only its size how much the pixel counts."""

    @property
    def label(self) -> str:
        """A class, a text, or the other picture."""
        return self.target.label

    @property
    def map(self) -> np.ndarray:
        """float32 (height, width): the sum over the channels of values, or of their sizes."""
        return (self.values if self.signed else np.abs(self.values)).sum(0)


@dataclass(frozen=True)
class Explanation:
    """The attributions of one image."""

    method: MethodName

    detail: str
    """What its maps tell apart: pixels, or patches, windows or cells, enlarged to pixels."""

    pixels: np.ndarray
    """uint8 (height, width, 3): the image as the model gets it, resized and cropped."""

    attributions: list[Attribution] = field(default_factory=list)
    """One for each target; none where no class of a multi-label model reaches the threshold."""
