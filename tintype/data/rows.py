"""What readers are told, and one row as they yield it, before it is packed into a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tintype.data.groups import GroupBy
from tintype.schemas.task import ClassificationTask
from tintype.settings import Settings, get_settings

__all__ = ["Reading", "Row"]


@dataclass(frozen=True)
class Reading:
    """One reading of labelled images: what is asked for, and what people should know of it."""

    task: ClassificationTask | None
    """None: told by the labels."""

    label_column: str
    image_column: str

    groups: GroupBy = field(default_factory=GroupBy)
    """How a row's group is told."""

    settings: Settings = field(default_factory=get_settings)
    """By which datastores are found."""

    notices: list[str] = field(default_factory=list)
    """One sentence each; readers add to it, none twice."""

    def notice(self, sentence: str) -> None:
        """Add to `notices`."""
        if sentence not in self.notices:
            self.notices.append(sentence)


class Row(NamedTuple):
    """An image reference with its label and its place in the source."""

    location: str
    """Absolute local path or http(s) URL."""

    label: object
    """As read; the table checks its type."""

    file: str
    line: int
    """From 1; 0 where the source has no lines."""

    image_field: str
    """What the source calls the image, for messages."""

    group: object = None
    """As read; None where the row says nothing of a group."""
