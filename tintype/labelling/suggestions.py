"""Suggestions that are kept with pictures: those that were imported, and labels of before a new start."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from tintype.labelling.changes import chunks
from tintype.labelling.database import tolerant_insert
from tintype.labelling.tables import SuggestionRow

__all__ = ["add_suggestions", "suggestions_for"]


# Made once: every hand-out asks it.
_SUGGESTIONS = select(
    SuggestionRow.picture_id, SuggestionRow.source, SuggestionRow.labels, SuggestionRow.confidence
).where(SuggestionRow.picture_id.in_(bindparam("pictures", expanding=True)))


def add_suggestions(
    connection: Connection,
    source: str,
    suggestions: Sequence[tuple[int, Sequence[int], float | None]],
) -> None:
    """Keep (picture, labels, confidence) of a source, in place of what it said of these before."""
    statement = tolerant_insert(connection.dialect.name, SuggestionRow)
    statement = statement.on_conflict_do_update(
        index_elements=["picture_id", "source"],
        set_={"labels": statement.excluded.labels, "confidence": statement.excluded.confidence},
    )
    for part in chunks(suggestions):
        rows = [
            {
                "picture_id": picture,
                "source": source,
                "labels": sorted(labels),
                "confidence": confidence,
            }
            for picture, labels, confidence in part
        ]
        connection.execute(statement, rows)


def suggestions_for(
    connection: Connection, pictures: Sequence[int]
) -> dict[int, list[tuple[str, tuple[int, ...], float | None]]]:
    """(source, labels, confidence) that are kept, of each picture that has some."""
    found: dict[int, list[tuple[str, tuple[int, ...], float | None]]] = {}
    for part in chunks(pictures):
        rows = connection.execute(_SUGGESTIONS, {"pictures": part})
        for picture, source, labels, confidence in rows:
            found.setdefault(picture, []).append((source, tuple(labels), confidence))
    return found
