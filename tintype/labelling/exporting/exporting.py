"""Writing an export: chosen pictures in a format, with a note of where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from sqlalchemy import Connection, func, select

from tintype.errors import UsageError
from tintype.files import atomic_folder, write_text
from tintype.labelling.exporting.formats import (
    write_azure,
    write_coco,
    write_csv,
    write_mltable_folder,
)
from tintype.labelling.exporting.hugging_face import write_hugging_face
from tintype.labelling.exporting.label_studio import write_label_studio
from tintype.labelling.exporting.rows import DECIDED, ExportRow, rows_to_export
from tintype.labelling.pictures import PictureFilter
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionRow
from tintype.schemas.data_asset import DataAssetDocument
from tintype.version import __version__
from tintype.workspace.data_assets import DataAsset, DataAssetStore
from tintype.workspace.runs import now

__all__ = ["EXPORT_FORMATS", "ExportFormat", "Exported", "export_project"]

ExportFormat = Literal["mltable", "csv", "coco", "azure", "label-studio", "hugging-face"]

_WRITERS: dict[ExportFormat, Callable[[Path, Project, Sequence[ExportRow]], None]] = {
    "mltable": write_mltable_folder,
    "csv": write_csv,
    "coco": write_coco,
    "azure": write_azure,
    "label-studio": write_label_studio,
    "hugging-face": write_hugging_face,
}

EXPORT_FORMATS = tuple(_WRITERS)

# Which project, which answers, when: beside every export. No ending that readers take for labels.
_LINEAGE = "labelling.yaml"


@dataclass(frozen=True)
class Exported:
    """An export that was written."""

    path: str
    format: str
    pictures: int
    labels: dict[str, int]
    data_asset: str | None
    """azureml:NAME:VERSION, where it was registered."""

    def shown(self) -> dict[str, Any]:
        """The export as commands print it."""
        return asdict(self)


def export_project(
    connection: Connection,
    project: Project,
    output: Path,
    form: ExportFormat,
    chosen: PictureFilter | None = None,
    *,
    register: str | None = None,
) -> Exported:
    """Write the decided pictures of a filter to the folder `output`, which appears whole.

    Args:
        chosen: None takes every labelled and completed picture. With Label Studio's format, pictures
            without labels come, too, where its states are left open.
        register: a name under which the folder becomes a data asset, the next version of it.

    Raises:
        UsageError: no picture is left, or the format cannot be registered.
        OutputError: the folder cannot be written.
    """
    chosen = chosen or PictureFilter()
    if register is not None and form not in ("mltable", "azure"):
        raise UsageError(
            f"--register is for formats mltable and azure, which jobs read; not {form}"
        )
    if not chosen.states and form != "label-studio":
        chosen = PictureFilter(**{**chosen.__dict__, "states": DECIDED})
    rows = list(rows_to_export(connection, project, chosen, suggestions=form == "label-studio"))
    if form != "label-studio":
        rows = [row for row in rows if row.state in DECIDED]
    if not rows:
        raise UsageError(f"project {project.name!r} has no labelled picture of that kind to export")
    output = output.expanduser().absolute()
    counts = Counter(name for row in rows for name in row.labels)
    labels = {label.name: counts[label.name] for label in project.labels}
    lineage = {
        "project": project.name,
        "task": project.task,
        "format": form,
        "pictures": len(rows),
        "labels": labels,
        "how": dict(Counter(row.how for row in rows if row.how)),
        "chosen": {key: value for key, value in asdict(chosen).items() if value not in (None, ())},
        "last_action": connection.execute(
            select(func.max(ActionRow.id)).where(ActionRow.project_id == project.id)
        ).scalar(),
        "exported_at": now(),
        "tintype": __version__,
    }
    with atomic_folder(output) as folder:
        _WRITERS[form](folder, project, rows)
        write_text(folder / _LINEAGE, yaml.safe_dump(lineage, sort_keys=False, allow_unicode=True))
    asset = None if register is None else _registered(register, output, lineage)
    return Exported(str(output), form, len(rows), labels, None if asset is None else asset.id)


def _registered(name: str, output: Path, lineage: dict[str, Any]) -> DataAsset:
    document = DataAssetDocument(
        name=name,
        type="mltable",
        path=str(output),
        description=f"Labels of the labelling project {lineage['project']}",
        properties={
            "labelling_project": lineage["project"],
            "labelling_last_action": str(lineage["last_action"]),
            "labelling_pictures": str(lineage["pictures"]),
        },
    )
    return DataAssetStore().create(document)
