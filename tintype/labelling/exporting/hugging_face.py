"""A folder that Hugging Face's `load_dataset("imagefolder")` reads: copies of the pictures, and metadata."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import orjson

from tintype.errors import DataError
from tintype.files import output_errors, write_bytes
from tintype.images.source import is_url, read_image
from tintype.labelling.exporting.rows import ExportRow
from tintype.labelling.projects import Project
from tintype.progress import track

__all__ = ["write_hugging_face"]


def write_hugging_face(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """`train/` with every picture and `metadata.jsonl`; a file becomes a link where the disk allows.

    Raises:
        DataError: a picture is not there any more.
        OutputError: the folder cannot be written.
    """
    target = folder / "train"
    with output_errors(target):
        target.mkdir()
    lines = []
    for row in track(rows, "copying"):
        # A name of our own in front: two pictures may have one name.
        name = f"{row.id:08d}-{re.sub(r'[^A-Za-z0-9._-]', '_', row.name.rsplit('/', 1)[-1])[-100:]}"
        _place(row.location, target / name)
        labels: dict[str, object] = (
            {"labels": list(row.labels)} if project.multilabel else {"label": row.labels[0]}
        )
        lines.append(orjson.dumps({"file_name": name, **labels}))
    write_bytes(target / "metadata.jsonl", b"\n".join(lines) + b"\n")


def _place(location: str, target: Path) -> None:
    if is_url(location):
        write_bytes(target, read_image(location))
        return
    if not os.path.isfile(location):
        raise DataError("the picture is not there any more", file=location)
    with output_errors(target):
        try:
            os.link(location, target)
        except OSError:
            shutil.copyfile(location, target)
