"""Whether the best trial goes on with all images, and its run in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tintype.automl.settings_to_try import Setting
from tintype.automl.study import Trial
from tintype.automl.trial_costs import epochs_wanted
from tintype.errors import RunCancelled
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.run import Run
from tintype.jobs.tables import Tables
from tintype.schemas.automl_job import AutomlJob
from tintype.tasks import TaskPool

__all__ = ["refit", "refit_growth"]

# With more images than this a few more teach little, and take long.
_MOST_IMAGES = 5000

# Of the ranking's seconds, where heads are fitted again: features are in the cache.
_SHARE_OF_RANKING = 0.4

# With fewer epochs than this a network does not go on.
_LEAST_EPOCHS = 2

# Seconds besides its epochs.
_FIXED_SECONDS = 8.0

# Of the time that is left, what is planned for epochs.
_SURE = 0.92

_TASK = "refit"
_POLL_SECONDS, _END_SECONDS = 0.25, 60.0


def refit_growth(job: AutomlJob, tables: Tables) -> float:
    """How many times a trial's images there are when the best one goes on with all of them; 0 where it does
    not.

    Only images that we held out ourselves are learnt from: validation data of their own are kept apart.
    """
    if job.mode != "automatic" or not tables.train.is_of_one_table_with(tables.held_out):
        return 0.0
    images = len(tables.train) + len(tables.held_out)
    return images / len(tables.train) if images <= _MOST_IMAGES else 0.0


def refit(
    trials: TrialRuns,
    best: Trial,
    finished: Sequence[Trial],
    pool: TaskPool,
    *,
    growth: float,
    end: float,
    cancelled: Callable[[], bool],
    log: Callable[[str], None],
) -> Run | None:
    """The run in which `best` has gone on; None where there was no time, or what came of it is no better
    on images that it has seen than the trial was on them unseen.

    Args:
        finished: every trial, those among them that an ensemble is of.
        growth: see `refit_growth`.
        end: time.time() by which it has to be done.

    Raises:
        RunCancelled: `cancelled` said so.
    """
    if not growth:
        return None
    learners = _learners(trials, best, finished)
    epochs = _epochs(learners, growth, end - time.time())
    if epochs is None:
        log(f"No time is left for trial {best.number} to learn from the images of validation, too.")
        return None
    more = [f"{count} epochs more" for count in epochs.values()]
    if any("ranking" in trial.parameters for trial in learners):
        more.append("heads fitted again")
    log(f"Next: trial {best.number} with the images of validation, too: {', '.join(more)}.")
    document = trials.refit_document(best, epochs)
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


def _learners(trials: TrialRuns, best: Trial, finished: Sequence[Trial]) -> list[Trial]:
    """The trials whose models learn again: `best`, or those that it is an ensemble of."""
    if "ensemble" not in best.parameters:
        return [best]
    runs = {member["trial"] for member in best.parameters["ensemble"]}
    return [trial for trial in finished if trials.run(trial.number).name in runs]


def _epochs(learners: Sequence[Trial], growth: float, left: float) -> dict[int, int] | None:
    """As many as fit for each network, by its trial's number; None where too few do.

    Args:
        growth: how many times the images of the trials there are now.
        left: seconds.
    """
    networks = [trial for trial in learners if "ranking" not in trial.parameters]
    for trial in learners:
        if "ranking" in trial.parameters:
            left -= _SHARE_OF_RANKING * float(trial.facts.get("seconds") or 0.0)
    left -= _FIXED_SECONDS * len(networks)
    seconds = {trial.number: _epoch_seconds(trial) * growth for trial in networks}
    most = {trial.number: _most_epochs(trial) for trial in networks}
    wanted = sum(seconds[number] * most[number] for number in most)
    # One that is cut off in the middle is lost: some time is kept in hand.
    share = min(1.0, _SURE * left / wanted) if wanted else 1.0
    epochs = {number: int(share * most[number]) for number in most}
    if left < 0 or any(count < _LEAST_EPOCHS or not seconds[n] for n, count in epochs.items()):
        return None
    return epochs


def _epoch_seconds(trial: Trial) -> float:
    return float(trial.facts.get("epoch_seconds") or 0.0)


def _most_epochs(trial: Trial) -> int:
    """As many as it has had; where it was cut short for the time's sake, as many as it should have."""
    had = len(trial.intervals)
    if "setting" not in trial.parameters or had < trial.parameters.get("epochs", 0):
        return had
    return max(had, epochs_wanted(Setting(*trial.parameters["setting"])))


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
