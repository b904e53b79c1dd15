"""Rows of an image, a text or both, for a model that embeds the two into one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MAX_TEXT_CHARACTERS", "Refusal", "check_cells", "check_texts"]

MAX_TEXT_CHARACTERS = 20_000
"""Of one text. A text tower reads less than a hundred tokens; the rest would be cut off anyway."""

_SUPPORTED = (
    "the following are supported: an image in every row, a text in every row, or both in every row, "
    'with "" in a cell that is empty'
)
_SHOWN = 5


@dataclass(frozen=True)
class Refusal:
    """Why rows cannot be embedded."""

    row: int
    """The first that is to blame, from 0."""
    reason: str


def check_cells(with_image: Sequence[bool], with_text: Sequence[bool]) -> Refusal | None:
    """What keeps rows with these cells from being embedded: each side is whole or empty (§7.4).

    >>> check_cells([True, True], [False, False]) is None
    True
    >>> check_cells([True, False], [True, True]).row
    1
    """
    for kind, given in (("image", with_image), ("text", with_text)):
        lacking = [row for row, filled in enumerate(given) if not filled]
        if lacking and len(lacking) < len(given):
            reason = f"{_rows(lacking)} no {kind}, and other rows have one; {_SUPPORTED}"
            return Refusal(lacking[0], reason)
    if not any(with_image) and not any(with_text):
        return Refusal(0, f"no row has an image or a text; {_SUPPORTED}")
    return None


def check_texts(texts: Sequence[object]) -> Refusal | None:
    """What keeps `texts` from being embedded: one is no text, no Unicode, or far too long."""
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            return Refusal(row, f"the text is {type(text).__name__}; expected text")
        if len(text) > MAX_TEXT_CHARACTERS:
            reason = f"a text of {len(text)} characters; the limit is {MAX_TEXT_CHARACTERS}"
            return Refusal(row, reason)
        try:
            text.encode()
        except UnicodeEncodeError:
            return Refusal(row, "the text has a lone surrogate, which is not Unicode")
    return None


def _rows(numbers: Sequence[int]) -> str:
    """`row 3 has` or `rows 1, 2, 3, 4, 5 and 7 more have`."""
    if len(numbers) == 1:
        return f"row {numbers[0]} has"
    shown = ", ".join(str(number) for number in numbers[:_SHOWN])
    more = len(numbers) - _SHOWN
    return f"rows {shown} and {more} more have" if more > 0 else f"rows {shown} have"
