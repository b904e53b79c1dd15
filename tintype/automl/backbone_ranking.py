"""The ranking of backbones as it is kept: what the automatic mode goes by when it fine-tunes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tintype.files import write_json
from tintype.models.families import CONVOLUTIONAL

__all__ = ["BackboneRank", "read_ranking", "write_ranking"]

_FILE = "ranking.json"


@dataclass(frozen=True)
class BackboneRank:
    """One backbone's place, and what has to be known of it to train it."""

    name: str
    """The checkpoint."""

    score: float
    """The metric of its head, by cross-validation on the training images."""

    validation: float
    """The same on the validation images."""

    images_per_second: float
    """Of the network alone, on its fastest engine."""

    training_images_per_second: float
    """At which all its weights learn; 0 where that was not measured."""

    reading_seconds: float
    """Of reading and resizing one image; 0 where its features were cached."""

    seconds: float
    """From its loading to its head's score."""

    family: str
    """Its architecture, as transformers calls it."""

    pooling: str
    """Of its features."""

    parameters: int
    """How many weights it has."""

    start: str
    """The checkpoint to fine-tune from: itself, or a model folder that has a fitted head already."""

    blocks: int
    """Layers that could be frozen."""

    finer_side: int | None
    """Input side in pixels, `settings_to_try.FINER` times its own; None where it takes no other."""

    @property
    def is_convolutional(self) -> bool:
        """Whether its family is one of convolutional networks."""
        return self.family in CONVOLUTIONAL


def write_ranking(folder: Path, ranking: Sequence[BackboneRank]) -> None:
    """Write `ranking.json`, the best first.

    Raises:
        OutputError: `folder` cannot be written.
    """
    write_json(folder / _FILE, [asdict(rank) for rank in ranking])


def read_ranking(folder: Path) -> list[BackboneRank]:
    """The ranking in `folder`, the best first; empty where there is none (yet)."""
    try:
        content = json.loads((folder / _FILE).read_text("utf-8"))
        return [BackboneRank(**rank) for rank in content]
    except (OSError, ValueError, TypeError):
        return []
