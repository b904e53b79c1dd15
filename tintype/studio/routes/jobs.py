"""Routes of jobs: the list, one run, and what is done with runs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query
from pydantic import BaseModel

from tintype.errors import RequestError, UsageError
from tintype.jobs import follow, submit
from tintype.jobs.automl.status import FILE as TRIALS_FILE
from tintype.jobs.pipeline.status import FILE as GRAPH_FILE
from tintype.studio.answers import RunAnswer, RunLineAnswer, run_line
from tintype.studio.state import Studio, StudioOf
from tintype.workspace.run_index import RunQuery, Sort
from tintype.workspace.runs import ACTIVE, RunRecord, RunStore

__all__ = ["known_run", "router"]

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

Many = Query(max_length=100)

# Of the pages that a run made, those that are named.
_MOST_REPORTS = 20


class RunPageAnswer(BaseModel):
    """Some of the runs that were asked for."""

    runs: list[RunLineAnswer]
    total: int
    """Of all that were asked for."""
    statuses: dict[str, int]
    """How many have which status, whatever status was asked for."""
    types: list[str]
    experiments: list[str]
    """All that there are."""


@router.get("", response_model=RunPageAnswer)
def list_runs(
    studio: StudioOf,
    parent: str | None = None,
    status: Annotated[list[str], Many] = [],  # noqa: B006
    type: Annotated[list[str], Many] = [],  # noqa: B006
    experiment: Annotated[list[str], Many] = [],  # noqa: B006
    search: Annotated[str, Query(max_length=500)] = "",
    archived: bool = False,
    sort: Sort = "created",
    descending: bool = True,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """A page of runs. `parent`: the children of that run; else runs that are nobody's. `search`: words that
    all stand in its names, description or tags. `archived`: those, too."""
    studio.runs.refresh()
    query = RunQuery(
        parent=parent,
        statuses=tuple(status),
        types=tuple(type),
        experiments=tuple(experiment),
        search=search,
        include_archived=archived,
        sort=sort,
        descending=descending,
    )
    page = studio.runs.page(query, offset, limit)
    return {
        "runs": [run_line(record) for record in page.runs],
        "total": page.total,
        "statuses": page.statuses,
        "types": page.types,
        "experiments": page.experiments,
    }


@router.get("/{name}", response_model=RunAnswer)
def show_run(studio: StudioOf, name: str) -> dict[str, Any]:
    """One run: its record, its job, and what there is to look at."""
    return _shown(studio, known_run(studio, name))


@router.post("/{name}/cancel", response_model=RunAnswer)
def cancel(studio: StudioOf, name: str) -> dict[str, Any]:
    """End a run within seconds; its last checkpoint stays."""
    known_run(studio, name)
    return _done(studio, follow.cancel_job, name)


@router.post("/{name}/resume", response_model=RunAnswer)
def resume(studio: StudioOf, name: str) -> dict[str, Any]:
    """Go on with a run that failed, was killed or was canceled."""
    known_run(studio, name)
    return _done(studio, submit.resume_job, name)


@router.post("/{name}/archive", response_model=RunAnswer)
def archive(studio: StudioOf, name: str) -> dict[str, Any]:
    """Hide a run from lists."""
    known_run(studio, name)
    return _done(studio, follow.archive_job, name)


@router.post("/{name}/restore", response_model=RunAnswer)
def restore(studio: StudioOf, name: str) -> dict[str, Any]:
    """Bring an archived run back."""
    known_run(studio, name)
    return _done(studio, lambda known: follow.archive_job(known, archived=False), name)


def known_run(studio: Studio, name: str) -> RunRecord:
    """The run called `name`.

    Raises:
        RequestError: 404, there is none (any more).
    """
    try:
        return studio.runs.get(name)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


def _done(studio: Studio, how: Any, name: str) -> dict[str, Any]:
    try:
        how(name)
    except UsageError as error:
        # Such as a run that has ended meanwhile.
        raise RequestError(str(error), status=409) from None
    return _shown(studio, known_run(studio, name))


def _shown(studio: Studio, record: RunRecord) -> dict[str, Any]:
    document = _document(record.name)
    job = {key: value for key, value in document.items() if key != "name"}
    return {
        **run_line(record),
        **{
            key: getattr(record, key)
            for key in ("description", "tags", "properties", "metrics", "parent", "best_child")
        },
        "outputs": record.outputs,
        "parents": _parents(studio, record),
        "document": document,
        "yaml": yaml.safe_dump(job, sort_keys=False, allow_unicode=True, width=100),
        "parts": _parts(studio, record),
        "reports": _reports(record),
        "can": _can(record),
    }


def _document(name: str) -> dict[str, Any]:
    """The run's job; empty where its file was deleted."""
    try:
        content = json.loads((RunStore().path(name) / "job.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _parents(studio: Studio, record: RunRecord) -> list[str]:
    found: list[str] = []
    parent = record.parent
    while parent is not None and parent not in found:
        found.insert(0, parent)
        try:
            parent = studio.runs.get(parent).parent
        except UsageError:
            # Its folder was deleted by hand.
            break
    return found


def _parts(studio: Studio, record: RunRecord) -> list[str]:
    folder = RunStore().path(record.name)
    there = {
        "log": (folder / "log.txt").exists(),
        "trials": (folder / TRIALS_FILE).exists(),
        "graph": (folder / GRAPH_FILE).exists(),
        "metrics": record.mlflow_run_id is not None,
        "children": studio.runs.page(RunQuery(parent=record.name), 0, 1).total > 0,
        "files": any((folder / part).is_dir() for part in ("outputs", "named-outputs")),
    }
    return [part for part, is_there in there.items() if is_there]


def _reports(record: RunRecord) -> list[str]:
    """Pages of the run that can be looked at, by their paths in its folder."""
    folder = RunStore().path(record.name)
    places = ("outputs/*.html", "outputs/*/*.html", "named-outputs/*/*.html")
    found = [path.relative_to(folder).as_posix() for place in places for path in folder.glob(place)]
    return sorted(found)[:_MOST_REPORTS]


def _can(record: RunRecord) -> list[str]:
    can = []
    if record.status in ACTIVE and record.parent is None:
        can.append("cancel")
    if record.status in ("Failed", "Canceled", "NotStarted") and record.parent is None:
        can.append("resume")
    can.append("restore" if record.archived else "archive")
    return can
