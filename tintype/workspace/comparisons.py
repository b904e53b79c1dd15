"""Comparisons of two models on the same pictures: `<home>/comparisons/<id>/comparison.json`, pictures.txt.

The work itself is two batch runs over pictures.txt, a path or URL a line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tintype.errors import OutputError, UsageError
from tintype.files import write_json, write_text
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["Comparison", "ComparisonStore"]


@dataclass(frozen=True)
class Comparison:
    """Which models, on which pictures, by which runs."""

    id: str
    models: tuple[str, str]
    """As they were named."""
    data: str
    """Likewise."""
    runs: tuple[str, str]
    """Batch runs, in the order of `models`."""
    labels: list[str | list[str] | None]
    """What the data say of each picture; None where they say nothing."""
    created_at: str = field(default_factory=now)


class ComparisonStore:
    """Reads and writes comparisons."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "comparisons"

    def write_pictures(self, id_: str, locations: Sequence[str]) -> Path:
        """The file that both runs read.

        Raises:
            OutputError: the workspace cannot be written.
            UsageError: a path that no list can hold.
        """
        if any("\n" in location or "\r" in location for location in locations):
            raise UsageError("the path of a picture has a line break in it")
        path = self._root / id_ / "pictures.txt"
        write_text(path, "".join(f"{location}\n" for location in locations))
        return path

    def save(self, comparison: Comparison) -> None:
        """
        Raises:
            OutputError: the workspace cannot be written.
        """
        write_json(self._root / comparison.id / "comparison.json", asdict(comparison))

    def get(self, id_: str) -> Comparison:
        """
        Raises:
            UsageError: there is none of that id.
        """
        if not id_.isalnum():
            raise UsageError(f"there is no comparison {id_!r}")
        path = self._root / id_ / "comparison.json"
        try:
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise UsageError(f"there is no comparison {id_!r}") from None
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None
        models, runs = content.pop("models"), content.pop("runs")
        return Comparison(models=tuple(models), runs=tuple(runs), **content)

    def pictures(self, id_: str) -> list[str]:
        """What `write_pictures` wrote.

        Raises:
            OutputError: it is gone.
        """
        path = self._root / id_ / "pictures.txt"
        try:
            return path.read_text("utf-8").splitlines()
        except OSError as error:
            raise OutputError(f"cannot read {path}: {error}") from None
