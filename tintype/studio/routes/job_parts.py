"""Routes of what a run shows: its log, its metrics, its parameters, the trials of a sweep, the graph of a pipeline."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tintype.errors import RequestError
from tintype.jobs.automl.status import FILE as TRIALS_FILE
from tintype.jobs.pipeline.page import layers_of
from tintype.jobs.pipeline.status import FILE as GRAPH_FILE
from tintype.studio.routes.jobs import known_run
from tintype.studio.state import StudioOf
from tintype.workspace.metric_history import metric_histories, run_parameters
from tintype.workspace.runs import RunStore

__all__ = ["MetricAnswer", "router"]

router = APIRouter(prefix="/api/jobs/{name}", tags=["jobs"])

# Of a log that is opened in its middle, so much before its end.
_MOST_LOG_BYTES = 256 * 1024


class LogAnswer(BaseModel):
    """A piece of a run's log."""

    text: str
    start: int
    """Bytes from the log's beginning."""
    end: int
    """Where to go on."""
    size: int
    """Of the whole log now, in bytes."""


class MetricAnswer(BaseModel):
    """A metric as it was logged; long series have fewer, evenly chosen points."""

    name: str
    steps: list[int]
    values: list[float | None]
    """None: not a number, or infinite."""
    times: list[int]
    """Milliseconds since 1970, UTC."""
    points: int
    """How many were logged."""


class TrialAnswer(BaseModel):
    """One trial of a sweep."""

    number: int
    run: str
    model: str
    parameters: dict[str, Any]
    state: str
    metric: float | None
    intervals: list[float]
    """Values of the metric, in the order that they were reported."""
    seconds: float
    error: str | None


class TrialsAnswer(BaseModel):
    """A sweep."""

    metric: str
    """What trials are compared by."""
    max_trials: int | None
    """None: as many as the time allows."""
    deadline: float
    """Seconds since 1970."""
    best_trial: int | None
    notes: list[str]
    trials: list[TrialAnswer]


class StepAnswer(BaseModel):
    """One step of a pipeline."""

    name: str
    kind: str
    needs: list[str]
    run: str
    status: str
    started: float | None
    ended: float | None
    """Seconds since 1970."""
    reused_from: str | None
    error: str | None
    column: int
    """From the left: to the right of all that it needs."""


class GraphAnswer(BaseModel):
    """A pipeline."""

    steps: list[StepAnswer]


# Of a job with a budget nobody asked how many.
_UNBOUNDED = 1000


@router.get("/log", response_model=LogAnswer)
def show_log(
    studio: StudioOf, name: str, start: Annotated[int | None, Query(ge=0)] = None
) -> dict[str, Any]:
    """The log from byte `start` on, up to 256 KiB; without `start`, its end."""
    known_run(studio, name)
    try:
        with (RunStore().path(name) / "log.txt").open("rb") as stream:
            size = stream.seek(0, 2)
            # A log that is shorter than it was is another one.
            first = max(0, size - _MOST_LOG_BYTES) if start is None or start > size else start
            stream.seek(first)
            text = stream.read(_MOST_LOG_BYTES)
    except FileNotFoundError:
        return {"text": "", "start": 0, "end": 0, "size": 0}
    except OSError as error:
        raise RequestError(f"the log cannot be read: {error.strerror}", status=503) from None
    if first + len(text) < size:
        # Whole lines, where there is more to come.
        text = text[: text.rfind(b"\n") + 1] or text
    return {
        "text": text.decode("utf-8", "replace"),
        "start": first,
        "end": first + len(text),
        "size": size,
    }


@router.get("/metrics", response_model=list[MetricAnswer])
def list_metrics(studio: StudioOf, name: str) -> list[dict[str, Any]]:
    """Every metric of the run in MLflow, whole; empty while it has none."""
    record = known_run(studio, name)
    if record.mlflow_run_id is None:
        return []
    return [vars(series) for series in metric_histories(record.mlflow_run_id)]


@router.get("/parameters")
def list_parameters(studio: StudioOf, name: str) -> dict[str, str]:
    """Parameters of the run in MLflow: what was asked for, and what was made of it (`plan.`)."""
    record = known_run(studio, name)
    return {} if record.mlflow_run_id is None else run_parameters(record.mlflow_run_id)


@router.get("/trials", response_model=TrialsAnswer)
def list_trials(studio: StudioOf, name: str) -> dict[str, Any]:
    """The trials of a sweep, as they stand."""
    content = _state_of(studio, name, TRIALS_FILE, "a sweep")
    most = content.get("max_trials")
    return {**content, "max_trials": most if most is not None and most < _UNBOUNDED else None}


@router.get("/graph", response_model=GraphAnswer)
def show_graph(studio: StudioOf, name: str) -> dict[str, Any]:
    """The steps of a pipeline, as they stand."""
    content = _state_of(studio, name, GRAPH_FILE, "a pipeline")
    columns = enumerate(layers_of(content["steps"]))
    return {"steps": [{**step, "column": column} for column, layer in columns for step in layer]}


def _state_of(studio: StudioOf, name: str, file: str, what: str) -> dict[str, Any]:
    known_run(studio, name)
    try:
        content: dict[str, Any] = json.loads((RunStore().path(name) / file).read_text("utf-8"))
    except FileNotFoundError:
        raise RequestError(f"{name!r} is not {what}, or has not begun yet", status=404) from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{file} of {name!r} cannot be read: {error}", status=503) from None
    return content
