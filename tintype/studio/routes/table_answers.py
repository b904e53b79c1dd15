"""What the routes of tables answer with, and how they are asked for rows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from tintype.studio.state import StudioOf
from tintype.studio.tables.opened import OpenTable
from tintype.studio.tables.picture_table import TableFilter

__all__ = [
    "OpenedOf",
    "PictureAnswer",
    "ProgressAnswer",
    "RowAnswer",
    "RowsBody",
    "Wanted",
    "WantedOf",
]

Words = Query(max_length=500)


class ProgressAnswer(BaseModel):
    """How far a piece of work on a table is."""

    state: Literal["waiting", "working", "done", "failed"]
    done: int
    total: int
    """0 where it is not known."""
    what: str
    error: str | None


class RowAnswer(BaseModel):
    """A picture of a table."""

    row: int
    name: str
    """Its path below the table's folder, else its file name."""
    labels: list[str]
    split: str | None
    prediction: str | None
    confidence: float | None
    fault: str | None
    """Why it cannot be shown."""
    tiny: str | None = None
    """The base64 of 8 x 8 pixels, each blue, green, red, the lowest line first, as a bitmap file has them; None
    before the table was inspected."""


class NeighbourAnswer(RowAnswer):
    """A picture that is like another one."""

    cosine: float


class PictureAnswer(RowAnswer):
    """A picture with all that is known of it."""

    location: str
    file: str | None
    """The file that its row was read from."""
    line: int | None
    neighbours: list[NeighbourAnswer]
    """By their embeddings, the most alike first; none before the table has a map."""
    near_duplicates: list[RowAnswer]
    predicted_by: str | None
    """The run whose model predicted, which can be asked why."""
    mapped: bool
    """Whether it has an embedding: of large tables, some have."""


class RowsBody(BaseModel):
    """Rows of a table."""

    rows: list[int] = Field(min_length=1, max_length=100_000)


class Wanted:
    """A filter as requests say it."""

    def __init__(
        self,
        label: Annotated[list[str], Words] = [],  # noqa: B006
        split: Annotated[list[str], Words] = [],  # noqa: B006
        prediction: Annotated[list[str], Words] = [],  # noqa: B006
        wrong: bool = False,
        least: Annotated[float | None, Query(ge=0, le=1)] = None,
        most: Annotated[float | None, Query(ge=0, le=1)] = None,
        text: Annotated[str, Query(max_length=500)] = "",
        fault: bool | None = None,
        selection: Annotated[str, Query(max_length=64)] = "",
    ) -> None:
        self.filter = TableFilter(
            labels=tuple(label),
            splits=tuple(split),
            predictions=tuple(prediction),
            wrong=wrong,
            least=least,
            most=most,
            text=text,
            fault=fault,
        )
        self.selection = selection


WantedOf = Annotated[Wanted, Depends()]


def opened_of(studio: StudioOf, of: str, key: str = "") -> OpenTable:
    """The table that a request is about.

    Raises:
        RequestError: 404, there is none; 409, it is not read yet, or has changed since `key`.
    """
    return studio.tables.opened(of, key)


OpenedOf = Annotated[OpenTable, Depends(opened_of)]
