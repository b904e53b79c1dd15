"""The walk *sweep over a command*: trials at points of a search space; what the best one made is kept.

runs/<job>/study.db, sweep.json   the study, and where it stands
runs/<job>_<n>/                   the run of trial n
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from tintype.automl.study import Proposals, Study, Trial
from tintype.automl.sweep import Sweep
from tintype.compute.pools import open_pool
from tintype.compute.thread_pool import ThreadPool
from tintype.errors import RunFailed
from tintype.files import write_json
from tintype.jobs.event_log import say_into
from tintype.jobs.outputs import deliver_outputs, link_output, reserved
from tintype.jobs.run import Run
from tintype.schemas.place import runs_in_ray
from tintype.schemas.sweep_job import SweepJob
from tintype.settings import get_settings
from tintype.tasks import TaskContext, TaskPool, load_function
from tintype.workspace.tracking import mlflow_client

__all__ = ["execute", "run_trial"]

# Of a sweep without a timeout: longer than any.
_FOREVER = 10 * 365 * 86400.0

# Between two looks at what a trial's command has logged.
_LOOK_SECONDS = 1.0

# By name: it executes any kind of job.
_RUN = "tintype.jobs.worker:run_beside_others"


def execute(job: SweepJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`; begun anew, it goes on without repeating a finished trial.

    Raises:
        RunFailed: no trial logged the metric.
        RunCancelled: it was asked to stop.
    """
    pool = _pool(job)
    try:
        with run.tracked(job.experiment_name, job.tags) as tracking, reserved(job.output_paths()):
            study = Study(run.folder / "study.db")
            status = _Status(job, run, study)
            proposals = Proposals(study, [job.search_space], job.sampling_algorithm)
            sweep = Sweep(
                study=study,
                pool=pool,
                limit=job.limits.max_total_trials,
                deadline=lambda: status.deadline,
                propose=proposals.propose,
                document=lambda trial: _document(job, run, trial),
                policy=job.early_termination,
                changed=status.write,
                cancelled=lambda: context.stop() is not None,
                log=status.log,
            )
            sweep.run()
            best = study.best()
            if best is None:
                raise RunFailed(_nothing(job, study))
            best_run = _trial_run(run, best.number)
            for name in job.outputs:
                link_output(run.named_outputs / name, best_run.named_outputs / name)
            registered = deliver_outputs(job.outputs, run)
            metrics = best_run.state.metrics
            tracking.log_metrics(metrics, step=0)
            tracking.log_params(best.parameters)
            run.update(metrics=metrics, best_child=best_run.name, registered_model=registered)
            value = metrics[job.objective.primary_metric]
            named = job.objective.primary_metric
            say_into(run.log, f"Completed: {named} {value:.4f} by trial {best.number}")
    finally:
        pool.close()


def run_trial(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Execute a trial as a task of a pool (see `tasks.Function`).

    Args:
        document: {"run": name, "metric": name, "sign": 1 or -1, "watch": whether it may end early}.

    Returns:
        As `worker.run_task`, and the trial's metric times the sign, so that more is better.
    """
    run, metric, sign = Run(document["run"]), document["metric"], document["sign"]
    watched = (
        _watched(run, metric, sign, context) if document["watch"] else contextlib.nullcontext()
    )
    with watched:
        answer = load_function(_RUN)(document, context)
    if answer["state"] == "canceled" and context.stop() == "finish":
        # A command cannot end with what is best so far.
        return {**answer, "state": "stopped"}
    if answer["state"] != "completed":
        return answer
    metrics = run.state.metrics
    if metric not in metrics:
        known = ", ".join(metrics) or "none"
        message = f"its command logged no metric {metric!r} by MLflow; it logged {known}"
        return {**answer, "state": "failed", "error": message}
    return {**answer, "metric": sign * metrics[metric], "metrics": metrics}


def _pool(job: SweepJob) -> TaskPool:
    size = job.limits.max_concurrent_trials or get_settings().cpu_threads
    if job.compute is not None and runs_in_ray(job.compute):
        return open_pool("tintype.jobs.sweep.job:run_trial", job.compute, size)
    return ThreadPool(run_trial, size)


def _trial_run(run: Run, number: int) -> Run:
    return run.sibling(f"{run.name}_{number}")


def _document(job: SweepJob, run: Run, trial: Trial) -> dict[str, Any]:
    """What a worker is given to run `trial`, whose run is made where there is none."""
    own = _trial_run(run, trial.number)
    content = {
        **job.command_at(trial.parameters).model_dump(mode="json", exclude_unset=True),
        "type": "command",
        "name": own.name,
        "display_name": own.name,
        "experiment_name": job.experiment_name,
        "tags": dict(job.tags),
    }
    if own.exists:
        own.store.replace_document(own.name, content)
    else:
        outputs = {name: f"{name}/paths" for name in job.outputs}
        Run.create(content, store=run.store, parent=run.name, outputs=outputs)
    own.update(status="Starting", error=None, ended_at=None)
    return {
        "run": own.name,
        "metric": job.objective.primary_metric,
        "sign": _sign(job),
        "watch": job.early_termination is not None,
    }


def _sign(job: SweepJob) -> int:
    return 1 if job.objective.goal == "maximize" else -1


def _nothing(job: SweepJob, study: Study) -> str:
    reasons = [str(t.facts.get("error")) for t in study.trials() if t.state == "failed"]
    if reasons:
        return f"no trial ended well: {'; '.join(list(dict.fromkeys(reasons))[:3])}"
    return "the time was over before any trial had ended; raise limits.timeout"


@contextlib.contextmanager
def _watched(run: Run, metric: str, sign: int, context: TaskContext) -> Iterator[None]:
    """Tell the sweep of every value of the metric that the trial's command logs meanwhile."""
    over = threading.Event()

    def watch() -> None:
        told = 0
        while not over.wait(_LOOK_SECONDS):
            known = run.state.mlflow_run_id
            if known is None:
                continue
            history = mlflow_client().get_metric_history(known, metric)
            for value in history[told:]:
                told += 1
                context.send({"interval": told, "value": sign * float(value.value)})

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Status:
    """Writes `sweep.json`, for the live table."""

    def __init__(self, job: SweepJob, run: Run, study: Study) -> None:
        self._job, self._run, self._study = job, run, study
        self._notes: list[str] = []
        self.deadline = time.time() + (job.limits.timeout or _FOREVER)

    def log(self, line: str) -> None:
        """Write a line into the log and keep it for the table."""
        say_into(self._run.log, line)
        self._notes.append(line)
        self.write()

    def write(self) -> None:
        """Write where the sweep stands now."""
        best, sign = self._study.best(), _sign(self._job)
        rows = []
        for trial in self._study.trials():
            ended = trial.facts.get("ended") or time.time()
            rows.append(
                {
                    "number": trial.number,
                    "run": _trial_run(self._run, trial.number).name,
                    "model": "",
                    "parameters": trial.parameters,
                    "state": trial.state,
                    "metric": None if trial.metric is None else sign * trial.metric,
                    "intervals": [sign * value for value in trial.intervals],
                    "seconds": ended - trial.facts.get("started", ended),
                    "error": trial.facts.get("error"),
                }
            )
        write_json(
            self._run.folder / "sweep.json",
            {
                "job": self._run.name,
                "metric": self._job.objective.primary_metric,
                "max_trials": self._job.limits.max_total_trials,
                "deadline": self.deadline,
                "best_trial": None if best is None else best.number,
                "notes": self._notes,
                "trials": rows,
            },
        )
