"""A selection as something that others work with: a data asset, or a labelling project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

from tintype.client import Client
from tintype.data.writing import write_jsonl, write_mltable
from tintype.errors import UsageError
from tintype.files import atomic_folder, write_bytes
from tintype.labelling.database import Database
from tintype.labelling.making import make_project
from tintype.schemas.data_asset import read_data_asset
from tintype.schemas.document import Document
from tintype.schemas.labelling_project import read_labelling_project
from tintype.schemas.task import MULTICLASS, MULTILABEL
from tintype.settings import get_settings
from tintype.studio.tables.opened import OpenTable
from tintype.workspace.data_assets import DataAsset

__all__ = ["export_data_asset", "export_labelling_project", "selection_folder"]

_ROWS = "annotations.jsonl"


def export_data_asset(
    client: Client, opened: OpenTable, rows: np.ndarray, name: str, description: str
) -> DataAsset:
    """The labelled pictures of `rows` as an MLTable, the next version of the data asset `name`; pictures
    stay where they are.

    Raises:
        UsageError: no label, or no name that assets can have.
        OutputError: the workspace cannot be written.
    """
    # Checked before anything is written.
    content = {"name": name, "description": description}
    read_data_asset(Document({**content, "path": "."}))
    labelled = [row for row in rows.tolist() if opened.table.labels(row)]
    if not labelled:
        raise UsageError(
            "none of the pictures has a label, and a data asset is for training: make a labelling project "
            "of them"
        )
    folder = selection_folder("tables", name)
    with atomic_folder(folder) as made:
        # Paths in it are from where it will be.
        write_jsonl(made / _ROWS, _labelled(opened, labelled))
        write_mltable(made, _ROWS)
    told = description or f"{len(labelled)} pictures of {opened.source.title}"
    document = {"type": "mltable", "path": str(folder), "properties": {"table": opened.source.of}}
    return client.data.create_or_update({**content, **document, "description": told})


def export_labelling_project(
    database: Database,
    opened: OpenTable,
    rows: np.ndarray,
    name: str,
    labels: list[str],
    owner: int,
) -> int:
    """The pictures of `rows` as a new labelling project; gives how many it has. Labels that they have are
    shown as suggestions.

    Args:
        labels: to label with; empty: those of the table.
        owner: the person who becomes owner of the project.

    Raises:
        UsageError: there is, or was, a project of that name, or nothing to label with.
        OutputError: the workspace cannot be written.
    """
    table = opened.table
    with_labels = all(table.labels(row) for row in rows.tolist())
    task = MULTILABEL if table.multilabel else MULTICLASS
    content = {
        "name": name,
        "task": task,
        "labels": labels or table.classes,
        "data": ".",
        "existing_labels": "suggestions" if with_labels else "none",
    }
    document = read_labelling_project(Document(content))
    folder = selection_folder("projects", name)
    with atomic_folder(folder) as made:
        if with_labels:
            write_jsonl(made / _ROWS, _labelled(opened, rows.tolist()))
            write_mltable(made, _ROWS)
        else:
            lines = (orjson.dumps({"image_url": table.location(row)}) for row in rows.tolist())
            write_bytes(made / _ROWS, b"\n".join(lines) + b"\n")
    data = folder if with_labels else folder / _ROWS
    make_project(database, document.model_copy(update={"data": str(data)}), owner=owner)
    return len(rows)


def _labelled(opened: OpenTable, rows: list[int]) -> Iterator[tuple[str, str | list[str]]]:
    table = opened.table
    for row in rows:
        labels = table.labels(row)
        yield table.location(row), labels if table.multilabel else labels[0]


def selection_folder(kind: str, name: str) -> Path:
    """A folder of the workspace that is not there yet, for what is made of chosen pictures.

    Args:
        kind: tables, projects or labels.
        name: of what is made.
    """
    above = get_settings().home / "selections" / kind / name
    number = 1
    while (above / str(number)).exists():
        number += 1
    return above / str(number)
