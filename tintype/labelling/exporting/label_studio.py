"""Label Studio's JSON: tasks, annotations, and suggestions as predictions; and the labelling config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from tintype.files import write_json, write_text
from tintype.images.source import is_url
from tintype.labelling.exporting.rows import DECIDED, ExportRow
from tintype.labelling.projects import Project

__all__ = ["FROM_NAME", "TO_NAME", "choices_result", "write_label_studio"]

FROM_NAME, TO_NAME = "choice", "image"
"""What the config below calls the question and the picture."""


def write_label_studio(folder: Path, project: Project, rows: Sequence[ExportRow]) -> None:
    """`tasks.json`, to be imported there, and `config.xml`, the labelling config of its project.

    Pictures are named as in Label Studio's local storage: `/data/local-files/?d=<name>`.
    """
    write_json(folder / "tasks.json", [_task(row) for row in rows])
    write_text(folder / "config.xml", _config(project))


def choices_result(
    labels: Sequence[str], from_name: str = FROM_NAME, to_name: str = TO_NAME
) -> list[dict[str, Any]]:
    """The `result` of an annotation or prediction; empty without labels."""
    if not labels:
        return []
    return [
        {
            "from_name": from_name,
            "to_name": to_name,
            "type": "choices",
            "value": {"choices": list(labels)},
        }
    ]


def _task(row: ExportRow) -> dict[str, Any]:
    image = row.location if is_url(row.location) else f"/data/local-files/?d={quote(row.name)}"
    answered = row.state in DECIDED
    return {
        "id": row.id,
        "data": {"image": image},
        "annotations": [
            {
                "result": choices_result(row.labels),
                "was_cancelled": False,
                "created_at": row.at,
                "completed_by": {"email": row.person},
                "meta": {"how": row.how},
            }
        ]
        if answered
        else [],
        "predictions": [
            {
                "result": choices_result(suggested.labels),
                "model_version": suggested.source,
                **({} if suggested.confidence is None else {"score": suggested.confidence}),
            }
            for suggested in row.suggestions
        ],
    }


def _config(project: Project) -> str:
    choice = "multiple" if project.multilabel else "single-radio"
    lines = [
        f"    <Choice value={quoteattr(label.name)} background={quoteattr(label.colour)}"
        + (f" hotkey={quoteattr(label.key)}" if label.key else "")
        + "/>"
        for label in project.labels
    ]
    return "\n".join(
        [
            "<View>",
            f'  <Image name="{TO_NAME}" value="$image"/>',
            f'  <Choices name="{FROM_NAME}" toName="{TO_NAME}" choice="{choice}">',
            *lines,
            "  </Choices>",
            "</View>",
            "",
        ]
    )
