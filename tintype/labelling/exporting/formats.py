"""The formats of exports that are one small file each: MLTable, CSV, COCO, Azure's."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from tintype.data.writing import write_jsonl, write_mltable
from tintype.files import write_bytes, write_json
from tintype.images.source import is_url
from tintype.labelling.exporting.rows import ExportRow
from tintype.labelling.projects import Project
from tintype.settings import get_settings

__all__ = ["write_azure", "write_coco", "write_csv", "write_mltable_folder"]

_ANNOTATIONS = "annotations.jsonl"


def write_mltable_folder(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """MLTable and JSON lines, which every job takes as training data."""
    write_jsonl(
        folder / _ANNOTATIONS,
        ((row.location, list(row.labels) if project.multilabel else row.labels[0]) for row in rows),
    )
    write_mltable(folder, _ANNOTATIONS)


def write_csv(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """`labels.csv`: image, label, and who, when and how. Several labels are a list: ["a", "b"]."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["image_url", "label", "label_confidence", "how", "labelled_by", "labelled_at"])
    for row in rows:
        label = json.dumps(list(row.labels), ensure_ascii=False)
        writer.writerow(
            [
                _relative(row.location, folder),
                label if project.multilabel else row.labels[0],
                "1.0",
                row.how,
                row.person,
                row.at,
            ]
        )
    write_bytes(folder / "labels.csv", stream.getvalue().encode("utf-8", "surrogateescape"))


def write_coco(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """`annotations.json` in COCO's form, annotations without boxes."""
    document = _coco(project, rows, lambda row: {"file_name": _relative(row.location, folder)})
    write_json(folder / "annotations.json", document)


def write_azure(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """What Azure's labelling projects export: an MLTable with a confidence a row, and COCO.

    Pictures in a folder that a datastore is mapped to are named by that datastore.
    """
    stores = get_settings().datastores
    lines = []
    for row in rows:
        kind = os.path.splitext(row.location)[1].lstrip(".").lower()
        lines.append(
            orjson.dumps(
                {
                    "image_url": _in_datastore(
                        row.location, stores, "azureml://datastores/{}/paths/{}"
                    )
                    or _relative(row.location, folder),
                    "image_details": {"format": kind} if kind else {},
                    "label": list(row.labels) if project.multilabel else row.labels[0],
                    "label_confidence": [1.0] * len(row.labels) if project.multilabel else 1.0,
                }
            )
        )
    write_bytes(folder / _ANNOTATIONS, b"\n".join(lines) + b"\n")
    write_mltable(folder, _ANNOTATIONS)

    def place(row: ExportRow) -> Mapping[str, Any]:
        stored = _in_datastore(row.location, stores, "AmlDatastore://{}/{}")
        if stored is None:
            return {"file_name": _relative(row.location, folder)}
        return {"file_name": row.name, "coco_url": stored}

    write_json(folder / "coco.json", _coco(project, rows, place))


def _coco(project: Project, rows: Sequence[ExportRow], place: Any) -> dict[str, Any]:
    categories = {label.name: at for at, label in enumerate(project.labels, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 1):
        images.append({"id": number, **place(row), "date_captured": row.at or ""})
        annotations += [
            {
                "id": len(annotations) + at,
                "image_id": number,
                "category_id": categories[name],
                "attributes": {"how": row.how, "labelled_by": row.person},
            }
            for at, name in enumerate(row.labels, 1)
        ]
    return {
        "info": {"description": project.name},
        "images": images,
        "annotations": annotations,
        "categories": [
            {
                "id": number,
                "name": name,
                "supercategory": name.rpartition("/")[0],
            }
            for name, number in categories.items()
        ],
    }


def _relative(location: str, folder: Path) -> str:
    """From `folder`, or from the folder that takes its place: a sibling of it."""
    return location if is_url(location) else os.path.relpath(location, folder.absolute())


def _in_datastore(location: str, stores: Mapping[str, str], form: str) -> str | None:
    for name, root in stores.items():
        above = f"{Path(root).expanduser().absolute()}/"
        if name != "*" and location.startswith(above):
            return form.format(name, quote(location.removeprefix(above)))
    return None
