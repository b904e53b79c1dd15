"""Label Studio's ML backend: it asks here for predictions, and tells here what people answered there.

Source: docs of Label Studio, "Write your own ML backend" (POST /predict, /setup, /train, /webhook; GET
/health). Its project's ML backend URL is `http://HOST:PORT/api/label-studio/<project>`, with Basic
authentication by a reviewer's name and password. Pictures are known by the end of their paths.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from tintype.errors import RequestError
from tintype.labelling.actions import Action, record_action
from tintype.labelling.exporting.label_studio import FROM_NAME, TO_NAME, choices_result
from tintype.labelling.importing import Places
from tintype.labelling.people import person_named
from tintype.labelling.server.proposals import proposals_for
from tintype.labelling.server.visitors import Access, program_access
from tintype.labelling.sources import SourcePicture
from tintype.version import __version__

__all__ = ["router"]

router = APIRouter(prefix="/api/label-studio/{name}", tags=["Label Studio"])

AsProgram = Annotated[Access, Depends(program_access)]

_VERSION = f"tintype-{__version__}"

_LONGEST_CONFIG, _MOST_TASKS = 1_000_000, 10_000


class PredictBody(BaseModel):
    """What Label Studio sends for predictions; it sends more than is read here."""

    tasks: list[dict[str, Any]] = Field(max_length=_MOST_TASKS)
    label_config: str | None = Field(None, max_length=_LONGEST_CONFIG)


class EventBody(BaseModel):
    """What Label Studio sends when something happened there."""

    action: str = ""
    task: dict[str, Any] | None = None
    annotation: dict[str, Any] | None = None


@router.get("/health")
def health(access: AsProgram) -> dict[str, str]:
    """Whether it can be asked."""
    return {"status": "UP", "model_class": access.project.name}


@router.post("/setup")
def set_up(access: AsProgram) -> dict[str, str]:
    """What answers."""
    return {"model_version": _VERSION}


@router.post("/predict")
def predict(access: AsProgram, body: PredictBody) -> dict[str, Any]:
    """A prediction for each task whose picture the project has."""
    from_name, to_name = _names(body.label_config)
    with access.database.reading() as connection:
        places = Places(connection, access.project)
        numbers = [_picture(places, task) for task in body.tasks]
        known = [number for number in numbers if number is not None]
        proposed = proposals_for(connection, access.project, access.labelling.assistants, known)
    results = []
    for number in numbers:
        one = None if number is None else proposed.get(number)
        if one is None:
            results.append({"result": [], "score": 0.0, "model_version": _VERSION})
            continue
        results.append(
            {
                "result": choices_result(one["labels"], from_name, to_name),
                "score": one["confidence"] or 0.0,
                "model_version": _VERSION,
            }
        )
    return {"results": results, "model_version": _VERSION}


@router.post("/train")
def train(access: AsProgram) -> dict[str, str]:
    """Learn from the labels there are; it does that by itself, too."""
    access.labelling.assistants.wake()
    return {"status": "ok", "model_version": _VERSION}


@router.post("/webhook")
def hear(access: AsProgram, body: EventBody) -> dict[str, Any]:
    """Take over an annotation that was made or changed there; other events are passed over."""
    if body.action not in ("ANNOTATION_CREATED", "ANNOTATION_UPDATED"):
        return {"status": "ignored"}
    annotation, task = body.annotation or {}, body.task or {}
    if annotation.get("was_cancelled"):
        return {"status": "ignored"}
    ids = {label.name: label.id for label in access.project.labels}
    chosen = _choices(annotation)
    unknown = next((name for name in chosen if name not in ids), None)
    if unknown is not None:
        raise RequestError(f"the project has no label {unknown!r}", status=404)
    # Looked for before the transaction, which others wait for.
    with access.database.reading() as connection:
        number = _picture(Places(connection, access.project), task)
    if number is None:
        raise RequestError("the project has no such picture", status=404)
    with access.database.writing() as connection:
        _label(connection, access, number, [ids[name] for name in chosen])
    access.labelling.assistants.wake()
    return {"status": "ok"}


def _label(connection: Connection, access: Access, picture: int, labels: Sequence[int]) -> None:
    person = person_named(connection, "label-studio")
    action = Action(uuid.uuid4().hex, "label", [picture], labels)
    record_action(connection, access.project, person, action)


def _picture(places: Places, task: Mapping[str, Any]) -> int | None:
    """The picture of a task, by the end of its path."""
    data = task.get("data")
    for value in data.values() if isinstance(data, dict) else ():
        if not isinstance(value, str):
            continue
        parts = urlsplit(value)
        local = parse_qs(parts.query).get("d") if parts.path.endswith("local-files/") else None
        path = local[0] if local else unquote(parts.path)
        for location in (value, path):
            found = places.find(SourcePicture(location, Path(location).name))
            if found is not None:
                return found
    return None


def _choices(annotation: Mapping[str, Any]) -> list[str]:
    chosen: list[str] = []
    result = annotation.get("result")
    for part in result if isinstance(result, list) else ():
        value = part.get("value") if isinstance(part, dict) else None
        given = value.get("choices") if isinstance(value, dict) else None
        chosen += [str(name) for name in given] if isinstance(given, list) else []
    return list(dict.fromkeys(chosen))


def _names(config: str | None) -> tuple[str, str]:
    """What a labelling config calls its question and its picture."""
    if not config or "<!" in config:
        # No declarations: nothing in a config needs them, and entities can grow without end.
        return FROM_NAME, TO_NAME
    try:
        choices = ElementTree.fromstring(config).find(".//Choices")
    except ElementTree.ParseError:
        choices = None
    if choices is None:
        return FROM_NAME, TO_NAME
    return choices.get("name", FROM_NAME), choices.get("toName", TO_NAME)
