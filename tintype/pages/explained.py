"""Explained pictures as pages hold them: what `components/explained_pictures.js` draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tintype.pages.document import data_url

__all__ = ["PICTURE_TYPE", "ExplainedPicture", "ExplainedPictures", "HeatMap"]

PICTURE_TYPE = "image/webp"
"""The media type of the pictures and of the maps."""


@dataclass(frozen=True)
class HeatMap:
    """What in a picture speaks for one label."""

    label: str
    part: str
    """What the label is of the picture: "predicted", "labelled"; "" says nothing of it."""

    confidence: float
    """The model's probability of the label."""

    picture: bytes
    """To be drawn at the explained picture's size, transparent where nothing speaks for the label."""


@dataclass(frozen=True)
class ExplainedPicture:
    """A picture as the model gets it, and what in it speaks for which labels."""

    name: str
    picture: bytes
    maps: tuple[HeatMap, ...]

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "picture": data_url(self.picture, PICTURE_TYPE),
            "maps": [
                {
                    "label": each.label,
                    "part": each.part,
                    "confidence": round(each.confidence, 4),
                    "picture": data_url(each.picture, PICTURE_TYPE),
                }
                for each in self.maps
            ],
        }


@dataclass(frozen=True)
class ExplainedPictures:
    """Pictures that one method has explained."""

    method: str
    detail: str
    """What its maps tell apart: pixels, patches, windows or cells."""

    pictures: list[ExplainedPicture] = field(default_factory=list)

    failures: list[str] = field(default_factory=list)
    """What was not explained, and why."""

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "method": self.method,
            "detail": self.detail,
            "pictures": [each.data() for each in self.pictures],
            "failures": self.failures,
        }
