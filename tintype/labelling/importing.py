"""Labels from elsewhere: into a project as final labels, or as suggestions to review."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, select

from tintype.errors import DataError, nearest
from tintype.images.source import is_url
from tintype.labelling.actions import Action, record_action
from tintype.labelling.labels import add_labels
from tintype.labelling.people import person_named
from tintype.labelling.pictures import add_pictures
from tintype.labelling.projects import Project, find_project
from tintype.labelling.sources import SourcePicture
from tintype.labelling.suggestions import add_suggestions
from tintype.labelling.tables import PictureRow
from tintype.progress import track
from tintype.schemas.labelling_project import LabelDocument, check_label_name

__all__ = ["ImportAs", "ImportReport", "MissingPictures", "Places", "import_labels"]

ImportAs = Literal["final", "suggestions"]
MissingPictures = Literal["refuse", "skip", "add"]

_AT_ONCE = 20_000

# Label Studio puts eight hexadecimal digits before the name of a file that was uploaded to it.
_UPLOADED = re.compile(r"/upload/\d+/[0-9a-f]{8}-(?P<name>[^/]+)$")


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    labelled: int
    """Pictures that got final labels."""
    suggested: int
    added_pictures: int
    skipped: int
    """Rows of pictures that the project has not."""
    added_labels: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """The report as commands print it."""
        return {
            "labelled": self.labelled,
            "suggested": self.suggested,
            "added_pictures": self.added_pictures,
            "skipped": self.skipped,
            "added_labels": list(self.added_labels),
        }


def import_labels(
    connection: Connection,
    project: Project,
    rows: Iterable[SourcePicture],
    *,
    import_as: ImportAs,
    add_unknown_labels: bool = False,
    missing_pictures: MissingPictures = "refuse",
) -> ImportReport:
    """Take the labels of `rows` over, all or, where one cannot be used, none.

    Pictures are known by where they lie, else by the longest end of their path that one picture of the
    project has, their file name at least.

    Raises:
        DataError: a label or a picture that the project has not; names file, line and field.
    """
    rows = [row for row in rows if row.labels is not None]
    project, added_labels = _with_labels(connection, project, rows, add_unknown_labels)
    ids = {label.name: label.id for label in project.labels}
    added_pictures = 0
    places = Places(connection, project)
    if missing_pictures == "add":
        fresh = [(row.location, row.name) for row in rows if places.find(row) is None]
        if fresh:
            added_pictures = add_pictures(connection, project, fresh)
            places = Places(connection, project)
    answers: dict[int, tuple[int, ...]] = {}
    suggestions: dict[int, tuple[int, Sequence[int], float | None]] = {}
    skipped = 0
    for row in rows:
        picture = places.find(row)
        if picture is None:
            if missing_pictures == "refuse":
                raise DataError(
                    f"project {project.name!r} has no picture {row.location}; add it to the project's "
                    "data, or import with missing pictures skipped or added",
                    file=row.file,
                    line=row.line,
                    field="image",
                )
            skipped += 1
            continue
        labels = tuple(sorted(ids[name] for name in row.labels or ()))
        if not project.multilabel and len(labels) != 1:
            raise DataError(
                f"{len(labels)} labels given; a picture of this project has exactly one",
                file=row.file,
                line=row.line,
                field=row.field,
            )
        if import_as == "final":
            answers[picture] = labels
        else:
            suggestions[picture] = (picture, labels, row.confidence)
    _answer(connection, project, answers)
    add_suggestions(connection, "imported", list(suggestions.values()))
    return ImportReport(len(answers), len(suggestions), added_pictures, skipped, added_labels)


def _answer(
    connection: Connection, project: Project, answers: Mapping[int, tuple[int, ...]]
) -> None:
    person = person_named(connection, "import")
    numbers = sorted(answers)
    for start in track(range(0, len(numbers), _AT_ONCE), "importing"):
        part = numbers[start : start + _AT_ONCE]
        action = Action(
            uuid.uuid4().hex,
            "label",
            part,
            {number: answers[number] for number in part},
            how="imported",
        )
        record_action(connection, project, person, action)


def _with_labels(
    connection: Connection, project: Project, rows: Sequence[SourcePicture], add: bool
) -> tuple[Project, tuple[str, ...]]:
    """The project with every label of `rows`, and the names of those that were added.

    Raises:
        DataError: one is unknown and none is to be added, or it cannot be a label.
    """
    names = {label.name for label in project.labels}
    unknown: dict[str, None] = {}
    for row in rows:
        for name in row.labels or ():
            if name in names or name in unknown:
                continue
            try:
                if not add:
                    raise ValueError(
                        f"the project has no label {name!r}.{nearest(name, names)} Correct it, or "
                        "import with unknown labels added"
                    )
                if check_label_name(name) != name:
                    raise ValueError(f"{name!r} has spaces around it")
            except ValueError as error:
                raise DataError(str(error), file=row.file, line=row.line, field=row.field) from None
            unknown[name] = None
    if unknown:
        add_labels(connection, project.id, [LabelDocument(name=name) for name in unknown])
    return find_project(connection, project.name), tuple(unknown)


class Places:
    """Pictures of a project by where they lie and by the ends of their paths."""

    def __init__(self, connection: Connection, project: Project) -> None:
        rows = connection.execute(
            select(PictureRow.id, PictureRow.location, PictureRow.name).where(
                PictureRow.project_id == project.id
            )
        )
        self._locations: dict[str, int] = {}
        self._ends: dict[str, int | None] = {}
        for number, location, name in rows:
            self._locations[location] = number
            for end in {name, name.rsplit("/", 1)[-1]}:
                # An end that two pictures have tells of neither.
                self._ends[end] = None if end in self._ends else number

    def find(self, row: SourcePicture) -> int | None:
        """The picture that `row` means; None where there is none, or several."""
        known = self._locations.get(row.location)
        if known is not None:
            return known
        path = row.location
        if is_url(path):
            path = unquote(urlsplit(path).path)
        steps = path.split("/")
        ends = ["/".join(steps[start:]) for start in range(len(steps))]
        if uploaded := _UPLOADED.search(path):
            ends.append(uploaded["name"])
        return next((found for end in ends if (found := self._ends.get(end)) is not None), None)
