"""What a look at something compares with the look before."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Stamps", "changed_parts"]

Stamps = dict[str, object]
"""Of each part of a thing, what is another one once that part has changed."""


def changed_parts(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    """The parts whose stamps are others than they were."""
    return {part for part, stamp in now.items() if stamp != before.get(part)}
