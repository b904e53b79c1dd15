"""Whether the best trial is learnt again from all images, and its run in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tintype.automl.study import Trial
from tintype.errors import RunCancelled
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.run import Run
from tintype.jobs.tables import Tables
from tintype.schemas.automl_job import AutomlJob
from tintype.tasks import TaskPool

__all__ = ["refit", "refit_share"]

# With more images than this a few more teach little, and take long.
_MOST_IMAGES = 5000

# Of the ranking's seconds, where heads are fitted again: features are in the cache.
_SHARE_OF_RANKING = 0.4

_TASK = "refit"
_POLL_SECONDS, _END_SECONDS = 0.25, 60.0


def refit_share(job: AutomlJob, tables: Tables) -> float:
    """How much longer than the best trial it takes to learn it again from all images; 0 where that is
    not done.

    Only images that we held out ourselves are learnt from: validation data of their own are kept apart.
    """
    if job.mode != "automatic" or not tables.train.is_of_one_table_with(tables.held_out):
        return 0.0
    images = len(tables.train) + len(tables.held_out)
    return images / len(tables.train) if images <= _MOST_IMAGES else 0.0


def refit(
    trials: TrialRuns,
    best: Trial,
    pool: TaskPool,
    *,
    share: float,
    end: float,
    cancelled: Callable[[], bool],
    log: Callable[[str], None],
) -> Run | None:
    """The run that has learnt `best` again; None where there was no time, or nothing to repeat, or what
    came of it is no better on images that it has seen than the trial was on them unseen.

    Args:
        share: see `refit_share`.
        end: time.time() by which it has to be done.

    Raises:
        RunCancelled: `cancelled` said so.
    """
    if not share or "ensemble" in best.parameters:
        return None
    ranking = "ranking" in best.parameters
    seconds = float(best.facts.get("seconds") or 0.0)
    seconds *= _SHARE_OF_RANKING if ranking else share
    if time.time() + seconds > end:
        log(f"No time is left to learn trial {best.number} again from all images.")
        return None
    log(f"Next: trial {best.number} once more, from the images of validation, too.")
    document = trials.refit_document(best, epochs=1 if ranking else len(best.intervals))
    result = _result(pool, document, end, cancelled)
    if result is None or not result.get("complete") or result["metric"] < (best.metric or 0.0):
        reason = (result or {}).get("error") or "it was not better"
        log(f"Trial {best.number} stays as it is: {reason}.")
        return None
    log(
        f"The model is trial {best.number} learnt from all images; its metrics on the validation images "
        "are those of the trial, which had not seen them."
    )
    return trials.refit_run


def _result(
    pool: TaskPool, document: dict[str, Any], end: float, cancelled: Callable[[], bool]
) -> dict[str, Any] | None:
    """What the task gave; None where its worker died."""
    pool.start(_TASK, document)
    asked = False
    while True:
        if cancelled():
            pool.stop(_TASK, "cancel")
            _wait_for_end(pool)
            raise RunCancelled("cancelled while the best trial was learnt again")
        if time.time() > end and not asked:
            asked = True
            pool.stop(_TASK, "finish")
        if time.time() > end + _END_SECONDS:
            pool.kill(_TASK)
        for message in pool.wait(_POLL_SECONDS):
            if message.task == _TASK and message.kind == "done":
                return message.body
            if message.task == _TASK and message.kind == "lost":
                return None


def _wait_for_end(pool: TaskPool) -> None:
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        if any(message.kind in ("done", "lost") for message in pool.wait(_POLL_SECONDS)):
            return
