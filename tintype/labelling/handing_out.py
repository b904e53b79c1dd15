"""Handing pictures out, so that no two people have the same before them unless both are wanted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, or_, select

from tintype.labelling.changes import chunks
from tintype.labelling.projects import Project
from tintype.labelling.tables import AnswerRow, HandedOutRow, PictureRow, ProjectRow

__all__ = ["HELD_SECONDS", "give_back", "hand_out"]

HELD_SECONDS = 15 * 60
"""A picture that is not answered in this time is handed to somebody else."""

# Files that can be looked at.
_THERE = or_(PictureRow.fault.is_(None), PictureRow.fault == "changed")

# Made once: every hand-out executes these, and to build a statement takes longer than to execute it.
_ONE_BY_ONE = select(ProjectRow.id).where(ProjectRow.id == bindparam("project")).with_for_update()
_EXPIRE = delete(HandedOutRow).where(
    HandedOutRow.project_id == bindparam("h_project"), HandedOutRow.expires_at < bindparam("now")
)
_MINE = (
    select(HandedOutRow.picture_id)
    .join(PictureRow, PictureRow.id == HandedOutRow.picture_id)
    .where(
        HandedOutRow.project_id == bindparam("project"),
        HandedOutRow.person_id == bindparam("person"),
        PictureRow.state == "unlabelled",
        _THERE,
    )
    .order_by(HandedOutRow.expires_at, HandedOutRow.picture_id)
    .limit(bindparam("count"))
)
_HELD = (
    select(func.count())
    .where(HandedOutRow.picture_id == PictureRow.id)
    .correlate(PictureRow)
    .scalar_subquery()
)
_FREE_ONES = (
    select(PictureRow.id)
    .where(
        PictureRow.project_id == bindparam("project"),
        PictureRow.state == "unlabelled",
        _THERE,
        PictureRow.wanted > _HELD,
        ~exists().where(
            AnswerRow.picture_id == PictureRow.id,
            AnswerRow.person_id == bindparam("person"),
            AnswerRow.kind == "answer",
        ),
        ~exists().where(
            HandedOutRow.picture_id == PictureRow.id,
            HandedOutRow.person_id == bindparam("person"),
        ),
    )
    .order_by(PictureRow.id)
)
_FREE = _FREE_ONES.limit(bindparam("count"))
_FREE_OF = _FREE_ONES.where(PictureRow.id.in_(bindparam("pictures", expanding=True)))
_HELD_NOW = select(HandedOutRow.picture_id).where(HandedOutRow.project_id == bindparam("project"))
_HAND_OUT = insert(HandedOutRow)


def hand_out(
    connection: Connection,
    project: Project,
    person_id: int,
    count: int,
    order: Iterable[int] = (),
) -> list[int]:
    """Up to `count` pictures for a person to answer: first those they have before them already.

    A picture is handed to as many people as it wants answers, to none twice, and not while its file is
    missing.

    Args:
        order: ids of pictures, those to hand out first in front; any others follow in the order of
            their numbers. Worked out before the transaction, which others wait for.

    Returns:
        Ids, in the order to work through them.
    """
    if project.state != "running":
        return []
    now = time.time()
    # Two who ask in the same moment come one after the other. (SQLite has one writer anyway.)
    connection.execute(_ONE_BY_ONE, {"project": project.id})
    connection.execute(_EXPIRE, {"h_project": project.id, "now": now})
    who = {"project": project.id, "person": person_id}
    mine = list(connection.execute(_MINE, {**who, "count": count}).scalars())
    if len(mine) < count:
        fresh = _free(connection, project, person_id, count - len(mine), order)
        if fresh:
            rows = [
                {
                    "picture_id": number,
                    "person_id": person_id,
                    "project_id": project.id,
                    # A hair apart, so that they come back in this order.
                    "expires_at": now + HELD_SECONDS + place * 1e-3,
                }
                for place, number in enumerate(fresh)
            ]
            connection.execute(_HAND_OUT, rows)
        mine += fresh
    return mine


def give_back(
    connection: Connection, project: Project, person_id: int, pictures: Sequence[int] | None = None
) -> None:
    """Take pictures (None: all) out of a person's hands, for others to have."""
    chosen = delete(HandedOutRow).where(
        HandedOutRow.project_id == project.id, HandedOutRow.person_id == person_id
    )
    if pictures is None:
        connection.execute(chosen)
        return
    for part in chunks(pictures):
        connection.execute(chosen.where(HandedOutRow.picture_id.in_(part)))


def _free(
    connection: Connection, project: Project, person_id: int, count: int, order: Iterable[int]
) -> list[int]:
    who = {"project": project.id, "person": person_id}
    # Those in front are the ones that most people have before them.
    held = Counter(connection.execute(_HELD_NOW, {"project": project.id}).scalars())
    open_ones = (number for number in order if held[number] < project.most_answers)
    found: list[int] = []
    for part in _growing(open_ones):
        there = set(connection.execute(_FREE_OF, {**who, "pictures": part}).scalars())
        found += [number for number in part if number in there]
        if len(found) >= count:
            return found[:count]
    rest = connection.execute(_FREE, {**who, "count": count}).scalars()
    found += [number for number in rest if number not in set(found)]
    return found[:count]


def _growing(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Parts, the first ones small: most often they are enough."""
    size, part = 64, []
    for number in numbers:
        part.append(number)
        if len(part) == size:
            yield part
            size, part = min(size * 4, 2_000), []
    if part:
        yield part
