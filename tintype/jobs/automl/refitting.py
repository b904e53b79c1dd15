"""Whether the best trial goes on with all images, and its run in the pool."""

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

# It gets this share of the trial's epochs where time is short, and no fewer than that.
_SHARE_OF_EPOCHS, _LEAST_EPOCHS = 0.6, 2

# Seconds besides its epochs.
_FIXED_SECONDS = 8.0

_TASK = "refit"
_POLL_SECONDS, _END_SECONDS = 0.25, 60.0


def refit_share(job: AutomlJob, tables: Tables) -> float:
    """How long the best trial goes on with all images, in times of its own seconds; 0 where it does not.

    Only images that we held out ourselves are learnt from: validation data of their own are kept apart.
    """
    if job.mode != "automatic" or not tables.train.is_of_one_table_with(tables.held_out):
        return 0.0
    images = len(tables.train) + len(tables.held_out)
    return _SHARE_OF_EPOCHS * images / len(tables.train) if images <= _MOST_IMAGES else 0.0


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
    """The run in which `best` has gone on; None where there was no time, or nothing that could, or what
    came of it is no better on images that it has seen than the trial was on them unseen.

    Args:
        share: see `refit_share`.
        end: time.time() by which it has to be done.

    Raises:
        RunCancelled: `cancelled` said so.
    """
    if not share or "ensemble" in best.parameters:
        return None
    epochs = _epochs(best, share, end - time.time())
    if epochs is None:
        log(f"No time is left for trial {best.number} to learn from the images of validation, too.")
        return None
    how = "its head" if "ranking" in best.parameters else f"{epochs} epochs more"
    log(f"Next: trial {best.number} with the images of validation, too: {how}.")
    document = trials.refit_document(best, epochs=epochs)
    result = _result(pool, document, end, cancelled)
    if result is None or not result.get("complete") or result["metric"] < (best.metric or 0.0):
        reason = (result or {}).get("error") or "it was not better"
        log(f"Trial {best.number} stays as it is: {reason}.")
        return None
    log(
        f"The model has learnt from all images; its metrics on the validation images are those of trial "
        f"{best.number}, which had not seen them."
    )
    return trials.refit_run


def _epochs(best: Trial, share: float, left: float) -> int | None:
    """As many as fit, of a network up to as many as it has had; None where too few do."""
    if "ranking" in best.parameters:
        return 1 if float(best.facts.get("seconds") or 0.0) * _SHARE_OF_RANKING <= left else None
    epoch = best.facts.get("epoch_seconds")
    if not epoch:
        return None
    fit = int((left - _FIXED_SECONDS) / (float(epoch) * share / _SHARE_OF_EPOCHS))
    return min(fit, len(best.intervals)) if fit >= _LEAST_EPOCHS else None


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
