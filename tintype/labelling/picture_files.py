"""Files of a project's pictures: whether each is still there and the same, and what is in it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from tintype.images.source import is_url
from tintype.labelling.changes import chunks
from tintype.labelling.projects import Project
from tintype.labelling.tables import PictureRow

__all__ = [
    "FileReport",
    "Stamp",
    "look_at_files",
    "note_contents",
    "note_files",
    "stamp_of",
]

Stamp = tuple[int | None, int | None]
"""Bytes of a file, and when it was changed, in nanoseconds since 1970."""


def stamp_of(location: str) -> Stamp:
    """Bytes and time of change; neither of a URL or of a file that is not there."""
    if is_url(location):
        return None, None
    try:
        status = os.stat(location)
    except (OSError, ValueError):
        return None, None
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class FileReport:
    """What became of the files of a project's pictures, by the pictures' ids."""

    missing: list[int]
    changed: list[int]
    well: list[int]
    """Those that had a fault before, and have none."""
    stamps: dict[int, Stamp]
    """Of those whose file is not the one that was known."""


def look_at_files(connection: Connection, project: Project) -> FileReport:
    """Look whether every file is still there and still the same. That takes long: it writes nothing.

    A file that comes back loses its fault; one that was changed is taken as it is now when it is
    looked at for the second time, for then people have been told.
    """
    report = FileReport([], [], [], {})
    rows = connection.execute(
        select(
            PictureRow.id,
            PictureRow.location,
            PictureRow.size,
            PictureRow.modified_ns,
            PictureRow.fault,
        )
        .where(PictureRow.project_id == project.id)
        .order_by(PictureRow.id)
    )
    for number, location, size, modified, fault in rows:
        if is_url(location):
            continue
        now = stamp_of(location)
        if now == (None, None):
            report.missing.append(number)
        elif (size, modified) == (None, None):
            # Missing when it was added.
            report.stamps[number] = now
            report.well.append(number)
        elif now != (size, modified):
            report.changed.append(number)
            report.stamps[number] = now
        elif fault is not None:
            report.well.append(number)
    return report


def note_files(connection: Connection, report: FileReport) -> dict[str, int]:
    """Write what was found into `fault`; features of changed files are computed anew.

    Returns:
        How many are missing and changed.
    """
    for fault, numbers in (
        ("missing", report.missing),
        ("changed", report.changed),
        (None, report.well),
    ):
        for part in chunks(numbers):
            connection.execute(
                update(PictureRow).where(PictureRow.id.in_(part)).values(fault=fault)
            )
    if report.stamps:
        table = PictureRow.__table__
        connection.execute(
            update(table).where(table.c.id == bindparam("p_id")),  # type: ignore[arg-type]
            [
                {"p_id": number, "size": size, "modified_ns": modified, "digest": None}
                for number, (size, modified) in report.stamps.items()
            ],
        )
    return {"missing": len(report.missing), "changed": len(report.changed)}


def note_contents(
    connection: Connection, digests: Mapping[int, str], unreadable: Collection[int]
) -> None:
    """Write what was found when files were read.

    Args:
        digests: of pictures by id, as `content_digest` gives them.
        unreadable: ids of pictures that are none.
    """
    table = PictureRow.__table__
    chosen = table.c.id == bindparam("p_id")
    if digests:
        connection.execute(
            update(table).where(chosen),  # type: ignore[arg-type]
            [{"p_id": number, "digest": digest} for number, digest in digests.items()],
        )
    if unreadable:
        connection.execute(
            update(table).where(chosen),  # type: ignore[arg-type]
            [{"p_id": number, "fault": "unreadable"} for number in unreadable],
        )
