"""Making a project of its document, and bringing in what has come to its data since."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, select

from tintype.errors import UsageError
from tintype.labelling.actions import Action, log_refresh, record_action
from tintype.labelling.allowed_folders import refuse_outside
from tintype.labelling.database import Database
from tintype.labelling.importing import import_labels
from tintype.labelling.labels import add_labels
from tintype.labelling.people import assign_role, person_named
from tintype.labelling.picture_files import look_at_files, note_files, stamp_of
from tintype.labelling.pictures import add_pictures
from tintype.labelling.projects import Project, create_project, find_project
from tintype.labelling.sources import (
    SourcePicture,
    labelled_pictures,
    source_path,
    suggested_pictures,
    unlabelled_pictures,
)
from tintype.labelling.suggestions import add_suggestions
from tintype.labelling.tables import PictureRow
from tintype.labelling.uncertain_pictures import uncertain_pictures
from tintype.progress import track
from tintype.schemas.labelling_project import LabelDocument, LabellingProjectDocument

__all__ = ["NewLabels", "make_project", "refresh_project", "with_new_labels"]

NewLabels = Literal["continue", "start-over", "keep-as-suggestions"]
"""What becomes of the answers there are when labels are added; Azure's three choices."""


def make_project(
    database: Database,
    document: LabellingProjectDocument,
    *,
    within: Path | None = None,
    owner: int | None = None,
    requests: Collection[str] = (),
) -> Project:
    """A project with the pictures, and, where they are wanted, the labels of its data.

    Args:
        within: a folder that every picture has to lie in, now and when more are added; None: anywhere.
        owner: a person who becomes owner of the project.
        requests: see `uncertain_pictures`; for a document with `uncertain`.

    Raises:
        UsageError: there is one of that name, or nothing to label with.
        DataError: the data cannot be used; names file, line and field.
    """
    # Read before the transaction begins, for nobody else can write meanwhile.
    rows = list(track(_inside(_pictures(document, requests), within), "looking"))
    stamps = {row.location: stamp_of(row.location) for row in rows}
    with database.writing() as connection:
        project = create_project(connection, document, within=within)
        if owner is not None:
            assign_role(connection, project.id, owner, "owner")
        # Those, too, of which the data say nothing.
        places = ((row.location, row.name) for row in rows)
        add_pictures(connection, project, places, stamps)
        if document.existing_labels != "none":
            import_labels(
                connection,
                project,
                rows,
                import_as=document.existing_labels,
                # Where the document names labels, those of the data must be among them.
                add_unknown_labels=not project.labels,
            )
            project = find_project(connection, document.name)
        if not project.labels:
            raise UsageError(
                f"project {document.name!r} has no labels: name some (--label), or take those of its "
                "data (--existing-labels final or suggestions)"
            )
    return project


def refresh_project(
    database: Database,
    name: str,
    person: str,
    *,
    uncertain: int | None = None,
    requests: Collection[str] = (),
) -> dict[str, int]:
    """Add pictures that have come to a project's data, and look after those that it has; `person` did so.

    Args:
        uncertain: of a project of uncertain pictures, how many more; None: as many as its document says.
        requests: see `uncertain_pictures`.

    Returns:
        How many were `added`, are `missing` and have `changed`.

    Raises:
        UsageError: there is no such project, or it is archived.
        DataError: the data cannot be read any more.
    """
    with database.reading() as connection:
        project = find_project(connection, name)
    if project.state == "archived":
        raise UsageError(f"project {project.name!r} is archived; it takes no pictures")
    path = source_path(project.source["data"])
    within = project.source.get("within")
    most = project.source.get("uncertain")
    found_pictures = (
        unlabelled_pictures(path)
        if most is None
        else iter(_more_uncertain(database, project, path, uncertain or most, requests))
    )
    pictures = _inside(found_pictures, None if within is None else Path(within))
    # Nobody is to wait while files are looked at.
    rows = list(track(pictures, "looking"))
    stamps = {row.location: stamp_of(row.location) for row in rows}
    with database.reading() as connection:
        report = look_at_files(connection, project)
    with database.writing() as connection:
        places = ((row.location, row.name) for row in rows)
        added = add_pictures(connection, project, places, stamps)
        if project.source["existing_labels"] == "suggestions" and most is not None:
            # Of a label that the project has not, nothing is proposed.
            names = {label.name for label in project.labels}
            proposed = [row for row in rows if row.labels and names.issuperset(row.labels)]
            import_labels(connection, project, proposed, import_as="suggestions")
        found = {"added": added, **note_files(connection, report)}
        log_refresh(connection, project, person_named(connection, person), found)
        return found


def with_new_labels(
    connection: Connection,
    project: Project,
    documents: list[LabelDocument],
    answers: NewLabels,
    person: str,
) -> Project:
    """Add labels, and say what becomes of the answers there are.

    Args:
        answers: `continue` keeps them; `start-over` takes all of them away; `keep-as-suggestions`
            takes them away and shows them as suggestions.

    Raises:
        UsageError: there is a label of that name or key already.
    """
    if answers != "continue":
        rows = connection.execute(
            select(PictureRow.id, PictureRow.labels, PictureRow.state)
            .where(PictureRow.project_id == project.id, PictureRow.state != "unlabelled")
            .order_by(PictureRow.id)
        ).all()
        if answers == "keep-as-suggestions":
            given = [(row.id, row.labels, None) for row in rows if row.state != "skipped"]
            add_suggestions(connection, "earlier", given)
        who = person_named(connection, person)
        for start in range(0, len(rows), 20_000):
            part = [row.id for row in rows[start : start + 20_000]]
            record_action(connection, project, who, Action(uuid.uuid4().hex, "restart", part))
    add_labels(connection, project.id, documents)
    return find_project(connection, project.name)


def _inside(pictures: Iterator[SourcePicture], within: Path | None) -> Iterator[SourcePicture]:
    return pictures if within is None else map(refuse_outside(within), pictures)


def _more_uncertain(
    database: Database, project: Project, path: Path, count: int, requests: Collection[str]
) -> list[SourcePicture]:
    with database.reading() as connection:
        known = set(
            connection.execute(
                select(PictureRow.location).where(PictureRow.project_id == project.id)
            ).scalars()
        )
    return uncertain_pictures(path, count, project.task, known=known, requests=requests)


def _pictures(
    document: LabellingProjectDocument, requests: Collection[str]
) -> Iterator[SourcePicture]:
    path = source_path(document.data)
    if document.uncertain is not None:
        rows = uncertain_pictures(path, document.uncertain, document.task, requests=requests)
        kept = document.existing_labels != "none"
        return (row if kept else row._replace(labels=None) for row in rows)
    if document.existing_labels == "none":
        return unlabelled_pictures(path)
    if document.existing_labels == "final":
        return labelled_pictures(path, document.task)
    return suggested_pictures(path, document.task)
