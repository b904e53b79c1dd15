"""Routes of a model's files: to be downloaded, exported or brought here. What takes long is a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tintype.errors import RequestError
from tintype.jobs import submit
from tintype.models.catalog import find_card
from tintype.schemas.document import Document
from tintype.schemas.job import parse_job
from tintype.studio.answers import RunLineAnswer, run_line
from tintype.studio.archive import archive_of
from tintype.studio.model_facts import facts_of
from tintype.studio.routes.models import known_version
from tintype.studio.state import Studio, StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["models"])


class ImportBody(BaseModel):
    """A checkpoint of the catalog, or of the Hub."""

    source: str = Field(min_length=1, max_length=4096)
    name: str | None = Field(None, max_length=255)
    """What to register it as; None: a name is made of its own."""


@router.get("/models/{name}/versions/{version}/archive", response_class=StreamingResponse)
def download(studio: StudioOf, name: str, version: str) -> StreamingResponse:
    """The model folder as a .zip, put together while it is sent."""
    model = known_version(studio, name, version)
    facts = facts_of(model)
    if facts.folder is None:
        raise RequestError(facts.missing or "its files are gone", status=404)
    pieces: Iterator[bytes] = archive_of(Path(facts.folder), model.name)
    # Names and versions of the registry are letters, digits and -_. alone.
    file = f"{model.name}-{model.version}.zip"
    return StreamingResponse(
        pieces,
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{file}"'},
    )


@router.post(
    "/models/{name}/versions/{version}/export", response_model=RunLineAnswer, status_code=201
)
def export(studio: StudioOf, name: str, version: str) -> dict[str, Any]:
    """Write a version as ONNX, checked against torch: a job, whose output `onnx` it is."""
    model = known_version(studio, name, version)
    return _submitted(
        studio,
        f"Export of {model.name}:{model.version}",
        "tintype model export ${{inputs.model}} --output ${{outputs.onnx}}",
        {"model": model.id},
        {"onnx": {"type": "uri_folder"}},
    )


@router.post("/models/import", response_model=RunLineAnswer, status_code=201)
def import_checkpoint(studio: StudioOf, body: ImportBody) -> dict[str, Any]:
    """Bring a checkpoint to this machine and register it: a job."""
    card = find_card(body.source)
    source = body.source if card is None else card.name
    given = {"source": source, "name": body.name or None}
    command = "tintype model import $[[--name ${{inputs.name}}]] -- ${{inputs.source}}"
    return _submitted(studio, f"Import of {source}", command, given, {})


def _submitted(
    studio: Studio,
    title: str,
    command: str,
    inputs: dict[str, Any],
    outputs: dict[str, Any],
) -> dict[str, Any]:
    document = {
        "type": "command",
        "display_name": title,
        "experiment_name": "models",
        "command": command,
        "inputs": inputs,
        "outputs": outputs,
    }
    record = submit.submit_job(parse_job(Document(document), Path.cwd()))
    studio.runs.refresh()
    return run_line(record)
