"""What is exported: decided pictures of a project, with who, when and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from tintype.labelling.pictures import PictureFilter, page_of
from tintype.labelling.projects import Project, moment
from tintype.labelling.suggestions import suggestions_for

__all__ = ["DECIDED", "ExportRow", "Suggested", "rows_to_export"]

DECIDED = ("labelled", "completed")

_PAGE = 5_000


@dataclass(frozen=True)
class Suggested:
    """A suggestion that is kept with a picture."""

    source: str
    labels: tuple[str, ...]
    confidence: float | None


@dataclass(frozen=True)
class ExportRow:
    """A picture with its labels."""

    id: int
    name: str
    location: str
    labels: tuple[str, ...]
    state: str
    how: str | None
    person: str | None
    at: str | None
    """ISO 8601, UTC."""
    suggestions: tuple[Suggested, ...] = ()


def rows_to_export(
    connection: Connection, project: Project, chosen: PictureFilter, *, suggestions: bool = False
) -> Iterator[ExportRow]:
    """Pictures of a filter in the order of their ids; skipped ones that a reviewer accepted are left
    out, being dropped.

    Args:
        suggestions: whether those that are kept come with them.
    """
    names = {label.id: label.name for label in project.labels}
    after = 0
    while page := page_of(connection, project, chosen, after=after, limit=_PAGE):
        after = page[-1].id
        kept = suggestions_for(connection, [picture.id for picture in page]) if suggestions else {}
        for picture in page:
            if picture.state in DECIDED and not picture.labels and not project.multilabel:
                continue
            yield ExportRow(
                picture.id,
                picture.name,
                picture.location,
                tuple(names[label] for label in picture.labels if label in names),
                picture.state,
                picture.how,
                picture.person,
                None if picture.decided_at is None else moment(picture.decided_at),
                tuple(
                    Suggested(source, tuple(names[n] for n in labels if n in names), confidence)
                    for source, labels, confidence in kept.get(picture.id, [])
                ),
            )
