"""The walk *sweep*: an AutoML document becomes a model folder. Read it from top to bottom."""

from __future__ import annotations

import importlib
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

from tintype.automl.automatic import AutomaticMode
from tintype.automl.study import Proposals, Study, Trial
from tintype.compute.pools import open_pool
from tintype.compute.tasks import TaskPool
from tintype.errors import RunCancelled, RunFailed
from tintype.files import atomic_folder
from tintype.jobs.automl_outputs import copy_and_register, write_outputs, write_report
from tintype.jobs.backbones import backbones_to_try
from tintype.jobs.ranking_trial import ranking_of
from tintype.jobs.sweep import Sweep
from tintype.jobs.sweep_status import SweepStatus
from tintype.jobs.sweep_tables import SweepTables, load_sweep_tables
from tintype.jobs.trial_models import substitution_notices
from tintype.jobs.trials import TrialRuns, sweep_name, trial_name
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.sweep import EarlyTermination, MedianStoppingPolicy
from tintype.workspace.runs import RunStore, now
from tintype.workspace.tracking import MlflowRun

__all__ = ["run_automl"]

# Ranking backbones may take this share of the time; the first is ranked in any case.
_RANKING_SHARE = 0.4

# What the first trial needs, heavy to import.
_PRELOAD = {
    "automatic": ("tintype.automl.ranking", "mlflow"),
    "individual": ("tintype.training.finetuning", "mlflow"),
    "manual": ("tintype.training.finetuning", "mlflow"),
}

# What the end needs, imported while the trials run.
_NEEDED_LAST = ("sklearn.metrics", "matplotlib.figure", "matplotlib.backends.backend_agg")

_AUTOMATIC_POLICY = MedianStoppingPolicy(delay_evaluation=4)


def run_automl(
    job: AutomlJob, name: str, store: RunStore, *, cancelled: Callable[[], bool]
) -> None:
    """Execute `job` in the run folder `name`, from where an earlier attempt left it.

    Raises:
        RunCancelled: `cancelled` said so.
        TintypeError: whatever ends the run.
    """
    for notice in [*job.notices(), *substitution_notices(job)]:
        print(f"notice: {notice}", flush=True)
    # First of all: its worker imports while the images are looked at here.
    pool = open_pool(
        "tintype.jobs.trial:run_trial", job.compute, job.limits.max_concurrent_trials,
        preload=_PRELOAD[job.mode],
    )  # fmt: skip
    try:
        _run_with(pool, job, name, store, cancelled)
    finally:
        pool.close()


def _run_with(
    pool: TaskPool, job: AutomlJob, name: str, store: RunStore, cancelled: Callable[[], bool]
) -> None:
    tables = load_sweep_tables(job)
    print(
        f"{len(tables.train)} training and {len(tables.validation)} validation images of "
        f"{len(tables.train.classes)} classes; mode {job.mode}, primary metric {job.metric}",
        flush=True,
    )
    folder = store.path(name)
    run = MlflowRun.start(
        job.experiment_name,
        name,
        tags={**job.tags, "tintype.job": name},
        run_id=store.get(name).mlflow_run_id,
    )
    store.update(name, status="Running", mlflow_run_id=run.run_id)
    study = Study(folder / "study.db")
    runs = TrialRuns(job, name, store, run.run_id)
    runs.create_sweep()
    store.update(sweep_name(name), status="Running", started_at=now())
    status = SweepStatus(job, name, store, study, runs)
    try:
        propose, policy = _plan(job, name, store, study, runs, status, tables)
        sweep = Sweep(
            study=study,
            pool=pool,
            limit=job.limits.max_trials if job.mode != "individual" else 1,
            deadline=status.deadline,
            propose=propose,
            document=runs.document,
            policy=policy,
            changed=status.write,
            cancelled=cancelled,
            log=status.log,
        )
        threading.Thread(target=_import_all, args=(_NEEDED_LAST,), daemon=True).start()
        sweep.run()
        best = study.best()
        if best is None:
            raise RunFailed(_no_model(study))
        store.update(name, status="Finalizing")
        _keep_best(store, name, best)
        metrics, evaluation = write_outputs(job, name, store, best, tables)
        write_report(job, name, store, status, best, tables, evaluation)
        registered = copy_and_register(job, name, folder / "outputs" / "mlflow-model")
        best_run = store.get(trial_name(name, best.number))
        run.log_metrics(metrics, step=0)
        run.log_folder(folder / "outputs", "outputs")
        run.set_tag("automl_best_child_run_id", best_run.mlflow_run_id or "")
        run.set_tag("tintype.best_trial", best_run.name)
        run.set_tag("tintype.model_folder", str(folder / "outputs" / "mlflow-model"))
        store.update(name, metrics=metrics, registered_model=registered, best_child=best_run.name)
        _end_sweep(store, name, "Completed")
        run.end("FINISHED")
    except BaseException as error:
        stopped = isinstance(error, RunCancelled)
        _end_sweep(store, name, "Canceled" if stopped else "Failed")
        run.end("KILLED" if stopped else "FAILED")
        raise
    finally:
        status.write()
    print(
        f"Completed: {job.metric} {best.metric:.4f} by trial {best.number} ({runs.model(best)}); "
        f"the report is {folder / 'outputs' / 'report.html'}",
        flush=True,
    )


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _plan(
    job: AutomlJob,
    name: str,
    store: RunStore,
    study: Study,
    runs: TrialRuns,
    status: SweepStatus,
    tables: SweepTables,
) -> tuple[Callable[[], Trial | Literal["wait"] | None], EarlyTermination | None]:
    """How trials are proposed, and by what policy they end early."""
    if job.mode == "manual":
        assert job.search_space is not None
        assert job.sweep is not None
        proposals = Proposals(study, job.search_space, job.sweep.sampling_algorithm)
        return proposals.propose, job.sweep.early_termination
    if job.mode == "individual":
        return lambda: study.ask_at({}), None
    runs.backbones, sentences = backbones_to_try(job.portfolio)
    for sentence in sentences:
        status.log(sentence)
    left = status.deadline - time.time()
    runs.ranking_deadline = time.time() + left * _RANKING_SHARE
    ranking_run = store.path(trial_name(name, 0))
    mode = AutomaticMode(
        study,
        backbones=runs.backbones,
        ranking=lambda: ranking_of(ranking_run),
        rows=len(tables.train),
        metric=job.metric,
        deadline=status.deadline,
        max_trials=job.limits.max_trials,
        say=status.log,
    )
    return mode.propose, _AUTOMATIC_POLICY


def _keep_best(store: RunStore, name: str, best: Trial) -> None:
    source = store.path(trial_name(name, best.number)) / "outputs" / "mlflow-model"
    target = store.path(name) / "outputs" / "mlflow-model"
    with atomic_folder(target) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)


def _no_model(study: Study) -> str:
    failed = [trial for trial in study.trials() if trial.state == "failed"]
    if failed:
        reasons = list(dict.fromkeys(str(trial.facts.get("error")) for trial in failed))
        return f"no trial gave a model: {'; '.join(reasons[:3])}"
    return "the time was over before any trial gave a model; raise limits.timeout_minutes"


def _end_sweep(store: RunStore, name: str, status: str) -> None:
    if (store.path(sweep_name(name)) / "run.json").exists():
        store.update(sweep_name(name), status=status, ended_at=now())
