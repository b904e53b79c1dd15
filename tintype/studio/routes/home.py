"""The first page: what works now, what needs somebody, what was made last."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.settings import get_settings
from tintype.studio.answers import RunLineAnswer, run_line
from tintype.studio.state import StudioOf
from tintype.workspace.run_index import RunQuery

__all__ = ["router"]

router = APIRouter(prefix="/api/home", tags=["home"])

_FAILED_DAYS = 7
_MOST = 8

# Less than this is told: a model and its checkpoints take so much.
_LEAST_FREE_BYTES = 5 * 1024**3


class DiskAnswer(BaseModel):
    """The disk that the workspace lies on."""

    free_bytes: int
    total_bytes: int
    low: bool


class HomeAnswer(BaseModel):
    """What the workspace is about now."""

    workspace: str
    active: list[RunLineAnswer]
    failed: list[RunLineAnswer]
    """Of the last week, the newest; archived ones need nobody."""
    failed_count: int
    models: list[RunLineAnswer]
    """Runs whose models were registered last."""
    runs: int
    """How many there are."""
    disk: DiskAnswer | None


@router.get("", response_model=HomeAnswer)
def show_home(studio: StudioOf) -> dict[str, Any]:
    """What works now, what has failed, what was made last, and how much room there is."""
    studio.runs.refresh()
    home = get_settings().home
    since = (datetime.now(UTC) - timedelta(days=_FAILED_DAYS)).isoformat()
    failed = studio.runs.page(RunQuery(statuses=("Failed",)), 0, 1000).runs
    failed = [record for record in failed if (record.ended_at or record.created_at) >= since]
    page = studio.runs.page(RunQuery(statuses=("Completed",)), 0, 1000)
    models = [record for record in page.runs if record.registered_model is not None]
    return {
        "workspace": str(home),
        "active": [run_line(record) for record in studio.runs.active()[:_MOST]],
        "failed": [run_line(record) for record in failed[:_MOST]],
        "failed_count": len(failed),
        "models": [run_line(record) for record in models[:_MOST]],
        "runs": sum(page.statuses.values()),
        "disk": _disk(home),
    }


def _disk(home: Any) -> dict[str, Any] | None:
    try:
        usage = shutil.disk_usage(home)
    except OSError:
        return None
    return {
        "free_bytes": usage.free,
        "total_bytes": usage.total,
        "low": usage.free < _LEAST_FREE_BYTES,
    }
