"""The walk *train*: a fine-tuning document becomes a model folder. Read it from top to bottom."""

from __future__ import annotations

from tintype.jobs.event_log import log_event, log_notices
from tintype.jobs.explanations import check_explain
from tintype.jobs.outputs import deliver_model, reserved
from tintype.jobs.run import Run
from tintype.jobs.tables import load_tables
from tintype.models.checkpoint import check_obtainable
from tintype.models.model_folder import note_mlflow_run
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.scorer_options import ScorerOptions
from tintype.tasks import TaskContext
from tintype.workspace.registry import resolve_model

__all__ = ["check", "execute"]


def check(job: FinetuningJob) -> None:
    """The data can be used, the checkpoint can be had, and its mistakes can be explained where that is asked for.

    Raises:
        UsageError: names what is wrong and where.
    """
    load_tables(job.data())
    checkpoint = resolve_model(job.model_name)
    check_obtainable(checkpoint)
    if job.evaluation.explain is not None:
        check_explain(
            checkpoint,
            ScorerOptions(task=job.task),
            job.evaluation.explain,
            lambda key, message: job.error_at(("evaluation", *key), message),
        )


def execute(job: FinetuningJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`."""
    from tintype.evaluation.config import EvaluationConfig
    from tintype.jobs.evaluation import evaluate_finetuned
    from tintype.training.finetuning import finetune

    log_notices(job.notices())
    tables = load_tables(job.data())
    log_notices(tables.notices)
    for key, count in tables.dropped.items():
        if count:
            print(f"{key}: {count} images cannot be read and are left out", flush=True)

    with run.tracked(job.experiment_name, job.tags) as tracking, reserved(job.output_paths()):
        tracking.log_params(job.hyperparameters.model_dump(exclude_unset=True))
        result = finetune(
            checkpoint=resolve_model(job.model_name),
            train=tables.train,
            validation=tables.validation,
            task=job.task,
            parameters=job.hyperparameters,
            output_folder=run.outputs,
            checkpoint_folder=run.folder / "checkpoints",
            resume=True,
            log=lambda event: log_event(event, tracking),
            cancelled=lambda: context.stop() == "cancel",
        )
        run.update(status="Finalizing")
        config = EvaluationConfig(
            metrics=job.evaluation.metrics, threshold=job.hyperparameters.multilabel_threshold
        )
        metrics = evaluate_finetuned(
            job.task, result, tables, config, run.outputs, job.evaluation.explain
        )
        metrics["dropped_images"] = float(sum(tables.dropped.values()))
        tracking.log_metrics(metrics, step=result.best_step)
        note_mlflow_run(result.model_folder, tracking.run_id)
        tracking.log_folder(run.outputs, "outputs")
        registered = deliver_model(job, run)
        run.update(metrics=metrics, registered_model=registered)
        tracking.set_tag("tintype.model_folder", str(result.model_folder))
    best = f"{result.plan['metric']} {result.best_metric:.4f} after step {result.best_step}"
    print(f"Completed: {best}; the model is in {result.model_folder}", flush=True)
