"""What a server asks of assistants, whether they work in its process or in one of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tintype.labelling.assistance.proposed import Group, LikelyError, Suggestion

__all__ = ["AskedAssistant", "AskedAssistants"]


class AskedAssistant(Protocol):
    """The assistant of one project; see `assistant.Assistant`."""

    def order(self, kind: Any) -> Sequence[int]:
        """Free pictures, those to label first in front."""

    def suggestions(self, pictures: Sequence[int]) -> dict[int, Suggestion]:
        """What is proposed for pictures."""

    def confident(self, label: int | None, least: float, limit: int) -> list[Suggestion]:
        """The surest suggestions."""

    def similar(self, picture: int, limit: int) -> list[int]:
        """Free pictures that look most like one."""

    def groups(self) -> list[Group]:
        """Free pictures that look alike."""

    def likely_errors(self, limit: int) -> list[LikelyError]:
        """Labelled pictures that are likely wrong."""

    def status(self) -> dict[str, Any]:
        """How far it has come."""


class AskedAssistants(Protocol):
    """Those of all projects; see `background.Assistants`."""

    def of(self, name: str) -> AskedAssistant | None:
        """The assistant of a project; None where it has none."""

    def fault(self, name: str) -> str | None:
        """Why not, or what it cannot do."""

    def wake(self) -> None:
        """There are labels."""

    def look_for_pictures(self) -> None:
        """There are pictures."""
