"""What several routes answer; `openapi.json` is made of these."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tintype.workspace.run_index import score_of
from tintype.workspace.runs import RunRecord

__all__ = ["RunAnswer", "RunLineAnswer", "ScoreAnswer", "run_line"]


class ScoreAnswer(BaseModel):
    """The metric by which a finished run is looked at."""

    name: str
    value: float


class RunLineAnswer(BaseModel):
    """A run in a list."""

    name: str
    display_name: str
    type: str
    status: str
    experiment_name: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    score: ScoreAnswer | None
    error: str | None
    registered_model: str | None
    archived: bool


class RunAnswer(RunLineAnswer):
    """All that is known of a run."""

    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    metrics: dict[str, float]
    parent: str | None
    parents: list[str]
    """The runs that it is a part of, the job first."""
    best_child: str | None
    outputs: dict[str, str]
    document: dict[str, Any]
    """The job that it executes."""
    yaml: str
    """The same, to be submitted again."""
    parts: list[str]
    """What there is to look at: log, trials, graph, metrics, children, files."""
    reports: list[str]
    """Pages that it made, by their paths as `/files/content` takes them."""
    can: list[str]
    """What can be done with it now: cancel, resume, archive, restore."""


def run_line(record: RunRecord) -> dict[str, Any]:
    """A record as a `RunLineAnswer`."""
    score = score_of(record)
    return {
        **{key: getattr(record, key) for key in RunLineAnswer.model_fields if key != "score"},
        "score": None if score is None else {"name": score[0], "value": score[1]},
    }
