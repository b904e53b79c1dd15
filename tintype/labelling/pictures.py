"""Pictures of a project: added, filtered and paged through."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from tintype.errors import RequestError
from tintype.images.source import is_url
from tintype.labelling.changes import chunks
from tintype.labelling.database import tolerant_insert
from tintype.labelling.picture_files import Stamp, stamp_of
from tintype.labelling.projects import Project, moment
from tintype.labelling.tables import (
    ActionRow,
    AnswerRow,
    ChangeRow,
    PersonRow,
    PictureLabelRow,
    PictureRow,
)

__all__ = [
    "GivenAnswer",
    "Picture",
    "PictureFilter",
    "add_pictures",
    "answers_to",
    "count_by_fault",
    "count_by_label",
    "count_by_state",
    "history_of",
    "page_of",
    "picture_of",
    "pictures_of",
]

# Of one picture, the newest.
_MOST_HISTORY = 200


@dataclass(frozen=True)
class Picture:
    """A picture as it is now."""

    id: int
    name: str
    location: str
    state: str
    labels: tuple[int, ...]
    how: str | None
    person: str | None
    """Whose answer decided."""
    decided_at: float | None
    flagged: bool
    fault: str | None
    revision: int

    def shown(self, names: Mapping[int, str]) -> dict[str, Any]:
        """The picture as JSON; never where it lies. `names` are those of labels by id."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "labels": [names[label] for label in self.labels if label in names],
            "how": self.how,
            "person": self.person,
            "decided_at": None if self.decided_at is None else moment(self.decided_at),
            "flagged": self.flagged,
            "fault": self.fault,
            "revision": self.revision,
        }


@dataclass(frozen=True)
class GivenAnswer:
    """What one person says of a picture."""

    person: str
    skipped: bool
    reason: str
    """Of skipping."""
    how: str
    at: float
    labels: tuple[int, ...]

    def shown(self, names: Mapping[int, str]) -> dict[str, Any]:
        """The answer as JSON; `names` are those of labels by id."""
        return {
            "person": self.person,
            "labels": [names[label] for label in self.labels if label in names],
            "skipped": self.skipped,
            "reason": self.reason,
            "how": self.how,
            "at": moment(self.at),
        }


@dataclass(frozen=True)
class PictureFilter:
    """Which pictures; None and empty mean any."""

    states: tuple[str, ...] = ()
    label: int | None = None
    hows: tuple[str, ...] = ()
    person: int | None = None
    """Whose answer decided."""
    flagged: bool | None = None
    fault: bool | None = None
    """Whether something is wrong with the file."""


def add_pictures(
    connection: Connection,
    project: Project,
    pictures: Iterable[tuple[str, str]],
    stamps: Mapping[str, Stamp] | None = None,
) -> int:
    """Add (location, name) pictures; those that are there already are passed over.

    Args:
        stamps: of locations, where they were looked at before the transaction; else they are now.

    Returns:
        How many were added.
    """
    before = _count(connection, project)
    statement = tolerant_insert(connection.dialect.name, PictureRow).on_conflict_do_nothing(
        index_elements=["project_id", "location"]
    )
    for part in chunks(pictures):
        rows = []
        for location, name in part:
            known = None if stamps is None else stamps.get(location)
            size, modified = known or stamp_of(location)
            rows.append(
                {
                    "project_id": project.id,
                    "location": location,
                    "name": name,
                    "size": size,
                    "modified_ns": modified,
                    "fault": None if size is not None or is_url(location) else "missing",
                    "draw": random.getrandbits(31),
                    "state": "unlabelled",
                    "labels": [],
                    "answers": 0,
                    "wanted": project.least_answers,
                    "flagged": False,
                    "revision": 0,
                }
            )
        connection.execute(statement, rows)
    return _count(connection, project) - before


def page_of(
    connection: Connection, project: Project, chosen: PictureFilter, *, after: int, limit: int
) -> list[Picture]:
    """The next `limit` pictures of a filter whose ids are above `after`, in the order of ids."""
    # One value at a time is one range of an index, in order; several are put together here.
    if len(chosen.states) > 1:
        parts = [replace(chosen, states=(state,)) for state in chosen.states]
    elif len(chosen.hows) > 1 and not chosen.states:
        parts = [replace(chosen, hows=(how,)) for how in chosen.hows]
    else:
        parts = [chosen]
    rows = [
        connection.execute(_filtered(_PICTURES, project, part, after).limit(limit)).all()
        for part in parts
    ]
    merged = heapq.merge(*rows, key=lambda row: row.id)
    return [_picture(row) for row in islice(merged, limit)]


def picture_of(connection: Connection, project: Project, number: int) -> Picture:
    """One picture.

    Raises:
        RequestError: 404, the project has none of that id.
    """
    row = connection.execute(_CHOSEN, {"project": project.id, "pictures": [number]}).first()
    if row is None:
        raise RequestError(f"project {project.name!r} has no picture {number}", status=404)
    return _picture(row)


def pictures_of(connection: Connection, project: Project, numbers: Sequence[int]) -> list[Picture]:
    """Pictures by id, in the order given; those that the project has not are left out."""
    found: dict[int, Picture] = {}
    for part in chunks(numbers):
        rows = connection.execute(_CHOSEN, {"project": project.id, "pictures": part})
        found.update((row.id, _picture(row)) for row in rows)
    return [found[number] for number in numbers if number in found]


def answers_to(connection: Connection, pictures: Sequence[int]) -> dict[int, list[GivenAnswer]]:
    """What each person says of each of `pictures` now, in the order in which they said it; verdicts of reviewers are
    no answers."""
    found: dict[int, list[GivenAnswer]] = {}
    for part in chunks(pictures):
        for row in connection.execute(_ANSWERS, {"pictures": part}):
            given = GivenAnswer(
                row.name, bool(row.skipped), row.reason, row.how, row.at, tuple(row.labels)
            )
            found.setdefault(row.picture_id, []).append(given)
    return found


def count_by_state(connection: Connection, project: Project) -> dict[str, int]:
    """How many pictures there are of each state."""
    rows = connection.execute(
        select(PictureRow.state, func.count())
        .where(PictureRow.project_id == project.id)
        .group_by(PictureRow.state)
    )
    states = ("unlabelled", "labelled", "skipped", "needs_review", "completed")
    return {**dict.fromkeys(states, 0), **dict(rows.tuples().all())}


def count_by_label(connection: Connection, project: Project) -> dict[str, int]:
    """How many pictures have each label."""
    ids = [label.id for label in project.labels]
    rows = connection.execute(
        select(PictureLabelRow.label_id, func.count())
        .where(PictureLabelRow.label_id.in_(ids))
        .group_by(PictureLabelRow.label_id)
    )
    counts = dict(rows.tuples().all())
    return {label.name: counts.get(label.id, 0) for label in project.labels}


def count_by_fault(connection: Connection, project: Project) -> dict[str, int]:
    """How many pictures have a file that is missing or was changed."""
    rows = connection.execute(
        select(PictureRow.fault, func.count())
        .where(PictureRow.project_id == project.id, PictureRow.fault.is_not(None))
        .group_by(PictureRow.fault)
    )
    return {str(fault): count for fault, count in rows}


def history_of(connection: Connection, project: Project, number: int) -> list[dict[str, Any]]:
    """What was done about a picture, newest first: who, when, what, comments among it."""
    picture_of(connection, project, number)
    rows = connection.execute(
        select(
            ActionRow.id,
            ActionRow.kind,
            ActionRow.how,
            ActionRow.at,
            ActionRow.content,
            PersonRow.name,
            ChangeRow.after,
        )
        .join(ChangeRow, ChangeRow.action_id == ActionRow.id)
        .join(PersonRow, PersonRow.id == ActionRow.person_id)
        .where(ChangeRow.picture_id == number)
        .order_by(ActionRow.id.desc())
        .limit(_MOST_HISTORY)
    )
    names = {label.id: label.name for label in project.labels}
    return [
        {
            "action": row.id,
            "kind": row.kind,
            "how": row.how,
            "person": row.name,
            "at": moment(row.at),
            "text": row.content.get("text", ""),
            "labels": [
                names.get(label, "")
                for key, value in row.after.items()
                if isinstance(value, dict) and key != "flagged"
                for label in value["labels"]
            ],
        }
        for row in rows
    ]


_PICTURES: Any = select(
    PictureRow.id,
    PictureRow.name,
    PictureRow.location,
    PictureRow.state,
    PictureRow.labels,
    PictureRow.how,
    PersonRow.name.label("person"),
    PictureRow.decided_at,
    PictureRow.flagged,
    PictureRow.fault,
    PictureRow.revision,
).join(PersonRow, PersonRow.id == PictureRow.person_id, isouter=True)
_ANSWERS = (
    select(
        AnswerRow.picture_id,
        PersonRow.name,
        AnswerRow.skipped,
        AnswerRow.reason,
        AnswerRow.how,
        AnswerRow.at,
        AnswerRow.labels,
    )
    .join(PersonRow, PersonRow.id == AnswerRow.person_id)
    .where(
        AnswerRow.picture_id.in_(bindparam("pictures", expanding=True)), AnswerRow.kind == "answer"
    )
    .order_by(AnswerRow.at)
)
_CHOSEN: Any = _PICTURES.where(
    PictureRow.project_id == bindparam("project"),
    PictureRow.id.in_(bindparam("pictures", expanding=True)),
)


def _picture(row: Any) -> Picture:
    values = row._asdict()
    return Picture(
        **{**values, "labels": tuple(values["labels"]), "flagged": bool(values["flagged"])}
    )


def _filtered(
    statement: Select[Any], project: Project, chosen: PictureFilter, after: int
) -> Select[Any]:
    """In the order of ids, those above `after`."""
    statement = statement.where(PictureRow.project_id == project.id)
    # Of the table by whose index they are found.
    number = PictureRow.id if chosen.label is None else PictureLabelRow.picture_id
    statement = statement.where(number > after).order_by(number)
    if chosen.states:
        statement = statement.where(PictureRow.state.in_(chosen.states))
    if chosen.label is not None:
        statement = statement.join(
            PictureLabelRow, PictureLabelRow.picture_id == PictureRow.id
        ).where(PictureLabelRow.label_id == chosen.label)
    if chosen.hows:
        statement = statement.where(PictureRow.how.in_(chosen.hows))
    if chosen.person is not None:
        statement = statement.where(PictureRow.person_id == chosen.person)
    if chosen.flagged is not None:
        statement = statement.where(PictureRow.flagged.is_(chosen.flagged))
    if chosen.fault is not None:
        faulty = PictureRow.fault.is_not(None)
        statement = statement.where(faulty if chosen.fault else ~faulty)
    return statement


def _count(connection: Connection, project: Project) -> int:
    return connection.execute(
        select(func.count()).where(PictureRow.project_id == project.id)
    ).scalar_one()
