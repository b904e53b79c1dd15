"""Routes of new jobs: what there is to choose from, the check of a document, and its submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tintype.errors import DocumentError, RequestError, UsageError
from tintype.jobs import submit
from tintype.models.embedded import EMBEDDED_NAMES
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.document import parse_yaml
from tintype.schemas.job import Job, parse_job
from tintype.studio.answers import RunLineAnswer, run_line
from tintype.studio.state import StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["jobs"])

_MOST_LETTERS = 1024 * 1024


class ChoicesAnswer(BaseModel):
    """What a form for a new job offers."""

    models: list[str]
    """Names of checkpoints: those that need no network first, then the catalog's."""
    data: list[str]
    """Data assets, as documents name them."""
    folder: str
    """Where relative paths are taken from."""


class DocumentBody(BaseModel):
    """A job document."""

    yaml: str = Field(max_length=_MOST_LETTERS)


class ProblemAnswer(BaseModel):
    """What is wrong in a document."""

    line: int | None
    """From 1."""
    field: str | None
    message: str


class CheckAnswer(BaseModel):
    """Whether a document can be submitted, as far as its text says."""

    problems: list[ProblemAnswer]
    type: str | None
    """The kind of job; None while that cannot be told."""
    notices: list[str]
    """Keys that mean nothing here."""


@router.get("/job-choices", response_model=ChoicesAnswer)
def list_choices(studio: StudioOf) -> dict[str, Any]:
    """Models and data for a new job."""
    cards = [card.name for card in studio.client.models.catalog()]
    return {
        "models": list(dict.fromkeys([*EMBEDDED_NAMES, *SCRATCH_NAMES, *cards])),
        "data": [f"azureml:{asset.name}@latest" for asset in studio.client.data.list()],
        "folder": str(Path.cwd()),
    }


@router.post("/job-check", response_model=CheckAnswer)
def check_document(body: DocumentBody) -> dict[str, Any]:
    """Check a job document by its schema, as `tintype job validate` begins; no data is read."""
    try:
        job = _read(body.yaml)
    except DocumentError as error:
        return {
            "problems": [
                {"line": one.line, "field": one.field, "message": one.message}
                for one in error.problems
            ],
            "type": None,
            "notices": [],
        }
    except UsageError as error:
        problem = {"line": None, "field": None, "message": str(error)}
        return {"problems": [problem], "type": None, "notices": []}
    return {"problems": [], "type": job.type, "notices": job.notices()}


@router.post("/jobs", response_model=RunLineAnswer, status_code=201)
def submit_document(studio: StudioOf, body: DocumentBody) -> dict[str, Any]:
    """Submit a job document: its data and model are checked first, and nothing starts where one cannot be
    used."""
    try:
        record = submit.submit_job(_read(body.yaml))
    except UsageError as error:
        raise RequestError(str(error), status=400) from None
    studio.runs.refresh()
    return run_line(record)


def _read(text: str) -> Job:
    return parse_job(parse_yaml(text), Path.cwd())
