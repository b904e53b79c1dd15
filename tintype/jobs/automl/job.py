"""The walk *sweep*: an AutoML document becomes a model folder. Read it from top to bottom."""

from __future__ import annotations

import importlib
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tintype.automl.automatic import AutomaticMode
from tintype.automl.backbone_ranking import read_ranking
from tintype.automl.recipes import recipes_for
from tintype.automl.study import Proposals, Study, Trial
from tintype.automl.sweep import Hopeless, Propose, Sweep
from tintype.compute.pools import open_pool
from tintype.errors import RunCancelled, RunFailed
from tintype.evaluation.config import EvaluationConfig
from tintype.files import atomic_folder
from tintype.jobs.automl.backbones import backbones_to_try
from tintype.jobs.automl.ensemble_members import members_that_win
from tintype.jobs.automl.models import substitution_notices
from tintype.jobs.automl.outputs import (
    corrected_for_selection,
    evaluate_validation,
    write_report,
)
from tintype.jobs.automl.refitting import refit, refit_growth
from tintype.jobs.automl.status import SweepStatus
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.evaluation import evaluate_on_test
from tintype.jobs.event_log import log_notices
from tintype.jobs.outputs import deliver_model, reserved
from tintype.jobs.run import Run
from tintype.jobs.tables import Tables, load_tables
from tintype.models.model_folder import note_mlflow_run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.sweep import EarlyTermination, MedianStoppingPolicy
from tintype.tasks import TaskContext, TaskPool
from tintype.workspace.tracking import MlflowRun

__all__ = ["execute"]

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


def execute(job: AutomlJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`; begun anew, it goes on from where an earlier attempt left it."""
    log_notices([*job.notices(), *substitution_notices(job)])
    # First of all: its worker imports while the images are looked at here.
    pool = open_pool(
        "tintype.jobs.worker:run_task",
        job.compute,
        job.limits.max_concurrent_trials,
        preload=_PRELOAD[job.mode],
    )
    try:
        tables = load_tables(job.data())
        log_notices(tables.notices)
        print(
            f"{len(tables.train)} training and {len(tables.held_out)} validation images of "
            f"{len(tables.train.classes)} classes; mode {job.mode}, primary metric {job.metric}",
            flush=True,
        )
        with run.tracked(job.experiment_name, job.tags) as tracking, reserved(job.output_paths()):
            _sweep(pool, job, run, tables, tracking, context)
    finally:
        pool.close()


def _sweep(
    pool: TaskPool,
    job: AutomlJob,
    run: Run,
    tables: Tables,
    tracking: MlflowRun,
    context: TaskContext,
) -> None:
    study = Study(run.folder / "study.db")
    trials = TrialRuns(job, run, tracking.run_id)
    status = SweepStatus(job, run, study, trials)
    trials.begin_sweep()
    try:
        plan = _plan(job, study, trials, status, tables)
        sweep = Sweep(
            study=study,
            pool=pool,
            limit=job.most_trials,
            deadline=plan.trials_end,
            propose=plan.propose,
            document=trials.document,
            policy=plan.policy,
            hopeless=plan.hopeless,
            changed=status.write,
            cancelled=lambda: context.stop() == "cancel",
            log=status.log,
        )
        threading.Thread(target=_import_all, args=(_NEEDED_LAST,), daemon=True).start()
        sweep.run()
        best = study.best()
        if best is None:
            raise RunFailed(_no_model(study))
        again = refit(
            trials,
            best,
            study.trials(),
            pool,
            growth=plan.refit_growth,
            end=plan.refit_end(),
            cancelled=lambda: context.stop() == "cancel",
            log=status.log,
        )
        _finish(job, run, study, trials, status, best, again, tables, tracking)
    except BaseException as error:
        trials.end_sweep("Canceled" if isinstance(error, RunCancelled) else "Failed")
        raise
    finally:
        status.write()
    trials.end_sweep("Completed")
    print(
        f"Completed: {job.metric} {best.metric:.4f} by trial {best.number} ({trials.model(best)}); "
        f"the report is {run.outputs / 'report.html'}",
        flush=True,
    )


def _finish(
    job: AutomlJob,
    run: Run,
    study: Study,
    trials: TrialRuns,
    status: SweepStatus,
    best: Trial,
    again: Run | None,
    tables: Tables,
    tracking: MlflowRun,
) -> None:
    """Keep the best trial's model, or the one in which it has gone on, as the job's own: judged,
    reported, delivered."""
    run.update(status="Finalizing")
    best_run = trials.run(best.number)
    with atomic_folder(run.model_folder) as temporary:
        shutil.copytree((again or best_run).model_folder, temporary, dirs_exist_ok=True)
        note_mlflow_run(temporary, tracking.run_id)
    evaluation = evaluate_validation(job, run, best_run, tables)
    corrected = corrected_for_selection(job, study, trials, tables)
    if corrected is not None:
        print(corrected.sentence(), flush=True)
    metrics = {
        **evaluation.metrics,
        **(corrected.metrics() if corrected is not None else {}),
        **evaluate_on_test(run.model_folder, tables, EvaluationConfig(), run.outputs),
    }
    write_report(job, run, trials, status, best, tables, evaluation, corrected)
    registered = deliver_model(job, run)
    tracking.log_metrics(metrics, step=0)
    tracking.log_folder(run.outputs, "outputs")
    best_id = best_run.state.mlflow_run_id or ""
    tracking.set_tag("automl_best_child_run_id", best_id)
    if best_id:
        # Azure's notebooks go by that tag to the best trial, and fetch its model from there.
        tracking.sibling(best_id).log_folder(run.model_folder, "outputs/mlflow-model")
    tracking.set_tag("tintype.best_trial", best_run.name)
    tracking.set_tag("tintype.model_folder", str(run.model_folder))
    run.update(metrics=metrics, registered_model=registered, best_child=best_run.name)


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


@dataclass(frozen=True)
class _Plan:
    """How trials are proposed, and by what they end."""

    propose: Propose
    trials_end: Callable[[], float]
    policy: EarlyTermination | None = None
    hopeless: Hopeless = lambda number: False
    refit_growth: float = 0.0
    """See `refitting.refit_growth`."""
    refit_end: Callable[[], float] = lambda: 0.0
    """By when the best trial has gone on with all images."""


def _plan(
    job: AutomlJob, study: Study, trials: TrialRuns, status: SweepStatus, tables: Tables
) -> _Plan:
    """Of the job's mode."""
    deadline = status.deadline
    if job.mode == "manual":
        assert job.search_space is not None
        assert job.sweep is not None
        proposals = Proposals(study, job.search_space, job.sweep.sampling_algorithm)
        policy = job.sweep.early_termination
        return _Plan(proposals.propose, lambda: deadline, policy)
    if job.mode == "individual":
        return _Plan(lambda: study.ask_at({}), lambda: deadline)
    trials.backbones, sentences = backbones_to_try(job.portfolio)
    for sentence in sentences:
        status.log(sentence)
    left = deadline - time.time()
    trials.ranking_deadline = time.time() + left * _RANKING_SHARE
    ranking_run = trials.run(0)
    growth = refit_growth(job, tables)
    mode = AutomaticMode(
        study,
        backbones=trials.backbones,
        ranking=lambda: read_ranking(ranking_run.outputs),
        rows=len(tables.train),
        recipes=recipes_for(job.task, tables.train.class_counts()),
        task=job.task,
        metric=job.metric,
        deadline=deadline,
        say=status.log,
        test_rows=0 if tables.test is None else len(tables.test),
        refit_growth=growth,
        quality=job.quality,
        ensemble=lambda finished: _ensemble(job, trials, tables, finished),
    )
    return _Plan(
        mode.propose, mode.trials_end, _AUTOMATIC_POLICY, mode.cannot_win, growth, mode.refit_end
    )


def _ensemble(
    job: AutomlJob, trials: TrialRuns, tables: Tables, finished: Sequence[Trial]
) -> tuple[list[dict[str, Any]], str] | None:
    """See `members_that_win`; the members as a study keeps them."""
    found = members_that_win(job, trials, tables, finished)
    if found is None:
        return None
    members, sentence = found
    return [member.model_dump() for member in members], sentence


def _no_model(study: Study) -> str:
    failed = [trial for trial in study.trials() if trial.state == "failed"]
    if failed:
        reasons = list(dict.fromkeys(str(trial.facts.get("error")) for trial in failed))
        return f"no trial gave a model: {'; '.join(reasons[:3])}"
    return "the time was over before any trial gave a model; raise budget or limits.timeout_minutes"
