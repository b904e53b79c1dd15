"""Labelling projects: made, found, paused, archived."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tintype.errors import UsageError, nearest
from tintype.labelling.labels import Label, add_labels, labels_of
from tintype.labelling.tables import ActionRow, ProjectRow
from tintype.schemas.labelling_project import LabellingProjectDocument
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = [
    "Project",
    "ProjectState",
    "change_project",
    "create_project",
    "find_project",
    "list_projects",
    "moment",
    "numbered_project",
    "store_revision",
]

ProjectState = Literal["running", "paused", "archived"]


@dataclass(frozen=True)
class Project:
    """A project as it is now."""

    id: int
    name: str
    task: ClassificationTask
    state: ProjectState
    """Pictures are labelled while it is running."""
    instructions: str
    source: dict[str, Any]
    least_answers: int
    most_answers: int
    model: str
    zero_shot_model: str | None
    created_at: float
    labels: tuple[Label, ...]

    @property
    def multilabel(self) -> bool:
        """Whether a picture may have several labels, or none."""
        return self.task == MULTILABEL

    def shown(self) -> dict[str, Any]:
        """The project as commands print it."""
        return {
            "name": self.name,
            "task": self.task,
            "state": self.state,
            "data": self.source["data"],
            "existing_labels": self.source["existing_labels"],
            "labels": [
                {
                    "name": label.name,
                    "colour": label.colour,
                    "key": label.key,
                    "description": label.description,
                }
                for label in self.labels
            ],
            "instructions": self.instructions,
            "labellers": {"least": self.least_answers, "most": self.most_answers},
            "model": self.model,
            "zero_shot_model": self.zero_shot_model,
            "uncertain": self.source.get("uncertain"),
            "created_at": moment(self.created_at),
        }


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC.

    >>> moment(0.5)
    '1970-01-01T00:00:00.500000+00:00'
    """
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="microseconds")


def create_project(
    connection: Connection, document: LabellingProjectDocument, *, within: Path | None = None
) -> Project:
    """Make a project, without pictures yet.

    Args:
        within: the folder that its pictures have to lie in; None: anywhere.

    Raises:
        UsageError: there is one of that name, or there was.
    """
    try:
        with connection.begin_nested():
            made = connection.execute(
                insert(ProjectRow)
                .values(
                    name=document.name,
                    task=document.task,
                    state="running",
                    instructions=document.instructions,
                    source={
                        "data": document.data,
                        "existing_labels": document.existing_labels,
                        **({} if within is None else {"within": str(within)}),
                        **({} if document.uncertain is None else {"uncertain": document.uncertain}),
                    },
                    least_answers=document.labellers.least,
                    most_answers=document.labellers.most,
                    model=document.model,
                    zero_shot_model=document.zero_shot_model,
                    created_at=time.time(),
                )
                .returning(ProjectRow.id)
            ).scalar_one()
    except IntegrityError:
        raise UsageError(
            f"there is a labelling project {document.name!r} already, or there was; names are used "
            "once, choose another"
        ) from None
    add_labels(connection, made, document.labels)
    return find_project(connection, document.name)


def find_project(connection: Connection, name: str) -> Project:
    """The project called `name`.

    Raises:
        UsageError: there is none; names the nearest.
    """
    row = connection.execute(_NAMED, {"name": name}).first()
    if row is None:
        names = list(connection.execute(select(ProjectRow.name)).scalars())
        raise UsageError(f"there is no labelling project {name!r}.{nearest(name, names)}")
    return _project(connection, row)


def numbered_project(connection: Connection, number: int) -> Project:
    """The project of that id, which there is."""
    return _project(connection, connection.execute(_PROJECTS.where(ProjectRow.id == number)).one())


def list_projects(connection: Connection, *, include_archived: bool = False) -> list[Project]:
    """All projects by name."""
    chosen = _PROJECTS.order_by(ProjectRow.name)
    if not include_archived:
        chosen = chosen.where(ProjectRow.state != "archived")
    return [_project(connection, row) for row in connection.execute(chosen).all()]


def change_project(
    connection: Connection,
    project: Project,
    *,
    state: ProjectState | None = None,
    instructions: str | None = None,
) -> Project:
    """Pause, go on, archive, or give other instructions; None leaves as it is."""
    values = {
        key: value
        for key, value in (("state", state), ("instructions", instructions))
        if value is not None
    }
    if values:
        connection.execute(update(ProjectRow).where(ProjectRow.id == project.id).values(**values))
    return replace(project, **values)  # type: ignore[arg-type]


_COLUMNS = (
    "id name task state instructions source least_answers most_answers model zero_shot_model created_at"
).split()
_PROJECTS = select(*(getattr(ProjectRow, column) for column in _COLUMNS))
_NAMED = _PROJECTS.where(ProjectRow.name == bindparam("name"))


def _project(connection: Connection, row: Any) -> Project:
    values = dict(zip(_COLUMNS, row, strict=True))
    labels = labels_of(connection, cast(int, values["id"]))
    return Project(**values, labels=labels)


def store_revision(connection: Connection) -> tuple[int, tuple[tuple[int, str], ...]]:
    """Another one whenever something was done in some project, or one was made, paused or archived."""
    last = connection.execute(select(func.max(ActionRow.id))).scalar() or 0
    states = connection.execute(select(ProjectRow.id, ProjectRow.state).order_by(ProjectRow.id))
    return last, tuple((number, state) for number, state in states)
