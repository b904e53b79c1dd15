"""The walk *evaluate*: a model and an image table become metrics, curves and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tintype.errors import UsageError
from tintype.evaluation.config import EvaluationConfig
from tintype.evaluation.report import Evaluation, evaluate_predictions
from tintype.images.readability import none_readable
from tintype.jobs.data_inputs import settled_data
from tintype.jobs.event_log import log_notices
from tintype.jobs.explanations import check_explain, check_explains
from tintype.jobs.labelled_images import (
    read_test_table,
    score_labelled,
    task_of_labels,
    work_folder,
)
from tintype.jobs.mistakes import explain_mistakes
from tintype.jobs.run import Run
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.document import Document, validate
from tintype.schemas.evaluation_job import EXACT, EvaluationJob
from tintype.schemas.explanation_settings import EvaluationExplanations
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import ZERO_SHOT, ClassificationTask
from tintype.tasks import TaskContext
from tintype.workspace.registry import resolve_model
from tintype.workspace.tracking import MlflowRun, mlflow_run

if TYPE_CHECKING:
    from tintype.data.image_table import ImageTable
    from tintype.images.fingerprints import NearDuplicates
    from tintype.jobs.tables import Tables
    from tintype.scoring.results import TableScores
    from tintype.scoring.scorer import Scorer
    from tintype.training.finetuning import FinetuneResult

__all__ = ["check", "evaluate", "evaluate_finetuned", "evaluate_on_test", "execute", "settle"]


# Converting a model for one pass over a test set would not pay, and any model has this precision,
# whatever the machine's own settings are.
_AS_TRAINED = ScorerOptions(runtime="torch", precision="auto", exact=True)


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    output: str | Path | None = None,
    config: EvaluationConfig | None = None,
    label_column: str = "label",
    image_column: str = "image_url",
    group_column: str | None = None,
    group_pattern: str | None = None,
    scoring: ScorerOptions | None = None,
    explain: EvaluationExplanations | None = None,
    experiment: str | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> Evaluation:
    """Evaluate a model on labelled images.

    Args:
        model: anything `workspace.registry.resolve_model` understands, or a Hub id.
        data: anything that `read_image_table` reads; of data in splits, the test split.
        output: folder for metrics.json, curves, evaluation.html and the predictions; an evaluation
            that was killed goes on there. None writes nothing.
        group_column, group_pattern: which images belong together; see `EvaluationJob`.
        scoring: None gives the reference's numbers: fp32, images bit for bit as transformers reads
            them.
        explain: also explain the surest mistakes, on the page.
        experiment: also log metrics and report to this MLflow experiment.
        tell: receives a sentence about what explaining costs, before it begins.

    Raises:
        DataError: data that cannot be used, or none of whose images can be read.
        UsageError: an unknown metric, or a model that is missing.
    """
    config = config or EvaluationConfig()
    document = {
        "model": resolve_model(model),
        "test_data": {"path": str(data)},
        "label_column_name": label_column,
        "input_column_names": image_column,
        "group_column_name": group_column,
        "group_pattern": group_pattern,
        "metrics": config.metrics,
        "threshold": config.threshold,
        "scoring": scoring or EXACT,
        "explain": explain,
    }
    job = validate(EvaluationJob, Document(document))
    folder = None if output is None else Path(output)
    if experiment is None:
        return _evaluate(job, folder, tell=tell)
    with mlflow_run(experiment, "evaluation", tags={"tintype.model": str(model)}) as tracking:
        evaluation = _evaluate(job, folder, tell=tell)
        _log(evaluation, folder, tracking)
    return evaluation


def settle(job: EvaluationJob) -> EvaluationJob:
    """See `JobKind.settle`."""
    settled = {"model": resolve_model(job.model), "test_data": settled_data(job.test_data)}
    return job.model_copy(update=settled)


def check(job: EvaluationJob) -> None:
    """The model can be had, the data can be read, and the metrics are known.

    Raises:
        UsageError: names what is wrong and where.
    """
    check_obtainable(job.model)
    table = read_test_table(job)
    if table.task is not None:
        EvaluationConfig(metrics=job.metrics, threshold=job.threshold).check_task(table.task)
    if job.explain is not None:
        check_explain(job.model, job.scoring, job.explain, job.error_at)


def execute(job: EvaluationJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`."""
    log_notices(job.notices())
    output = run.outputs / "evaluation"
    tags = {**job.tags, "tintype.model": job.model}
    with run.tracked(job.experiment_name, tags) as tracking:
        evaluation = _evaluate(
            job,
            output,
            cancelled=lambda: context.stop() == "cancel",
            tell=_print_line,
        )
        log_notices(evaluation.notices)
        _log(evaluation, output, tracking)
        run.update(metrics=dict(evaluation.metrics))
    print(f"Completed: the report is {output / 'evaluation.html'}", flush=True)


def evaluate_finetuned(
    task: ClassificationTask,
    result: FinetuneResult,
    tables: Tables,
    config: EvaluationConfig,
    folder: Path,
    explain: EvaluationExplanations | None = None,
) -> dict[str, float]:
    """Write the reports of a finished fine-tuning below `folder`; the metrics to record.

    Validation metrics keep their names; those of `test_data`, where given, begin with `test_`.

    Args:
        explain: also explain the surest mistakes, on the pages.
    """
    validation = evaluate_predictions(
        task,
        result.validation_probabilities,
        result.validation.targets(),
        result.classes,
        metrics=config.metrics,
        threshold=_threshold(config, result.thresholds),
        dropped=tables.dropped.get("validation_data", 0),
        images=result.validation,
        groups=result.validation.groups,
        temperature=result.temperature,
    )
    validation = replace(validation, near_duplicates=_near_training(result, tables))
    if explain is not None:
        from tintype.scoring.scorer import Scorer

        validation = _explained(Scorer.load(result.model_folder, _AS_TRAINED), validation, explain)
    validation.write(folder / "evaluation")
    on_test = evaluate_on_test(result.model_folder, tables, config, folder, explain)
    return {**validation.metrics, **on_test}


def evaluate_on_test(
    model_folder: Path,
    tables: Tables,
    config: EvaluationConfig,
    folder: Path,
    explain: EvaluationExplanations | None = None,
) -> dict[str, float]:
    """Write the report of a model on the test table; its metrics as `test_<name>`.

    Empty where there is no test table.
    """
    if tables.test is None:
        return {}
    from tintype.scoring.scorer import Scorer

    scorer = Scorer.load(model_folder, _AS_TRAINED)
    evaluation = _evaluated(
        scorer, tables.test, config, lambda table, labels: scorer.score_table(table)
    )
    evaluation = replace(evaluation, near_duplicates=tables.near_duplicates["test_data"])
    if explain is not None:
        evaluation = _explained(scorer, evaluation, explain)
    evaluation.write(folder / "test-evaluation")
    return {f"test_{name}": value for name, value in evaluation.metrics.items()}


def _explained(
    scorer: Scorer, evaluation: Evaluation, explain: EvaluationExplanations
) -> Evaluation:
    """With the surest mistakes explained; a trained model is not lost because these cannot be."""
    try:
        explained = explain_mistakes(scorer, evaluation, explain, tell=_print_line)
    except UsageError as error:
        log_notices([f"mistakes are not explained: {error}"])
        return evaluation
    return replace(evaluation, explained=explained)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _near_training(result: FinetuneResult, tables: Tables) -> NearDuplicates:
    """Of the validation images, which the training may have split off itself."""
    if tables.validation is not None:
        return tables.near_duplicates["validation_data"]
    held_out = set(result.validation.locations())
    rows = [row for row, name in enumerate(tables.train.locations()) if name not in held_out]
    found = tables.looks.near_duplicates(result.validation, tables.train.select(np.array(rows)))
    if found:
        log_notices([found.sentence("the validation split", "training_data")])
    return found


def _evaluate(
    job: EvaluationJob,
    output: Path | None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], object] = lambda line: None,
) -> Evaluation:
    """Evaluate as `job` says; write the report and the predictions to `output`, where there is one."""
    from tintype.scoring.scorer import Scorer

    config = EvaluationConfig(metrics=job.metrics, threshold=job.threshold)
    scorer = Scorer.load(job.model, job.scoring)
    task = task_of_labels(scorer)
    config.check_task(task)
    if job.explain is not None:
        check_explains(scorer, job.explain)
    table = read_test_table(job, task)

    work = None if output is None else work_folder(output)

    def score(table: ImageTable, labels: Sequence[str] | None) -> TableScores:
        return score_labelled(
            scorer, job.model, table, job, work, labels=labels, cancelled=cancelled
        )

    evaluation = _evaluated(scorer, table, config, score)
    if job.explain is not None:
        explained = explain_mistakes(
            scorer, evaluation, job.explain, cancelled=cancelled, tell=tell
        )
        evaluation = replace(evaluation, explained=explained)
    if output is not None:
        evaluation.write(output)
        work_folder(output).replace(output / "predictions")
    return evaluation


def _rows(table: ImageTable, rows: np.ndarray) -> dict[str, Any]:
    """What an evaluation is told of the rows that were scored."""
    images = table.select(rows)
    return {"images": images, "groups": images.groups}


def _threshold(config: EvaluationConfig, tuned: np.ndarray | None) -> float | np.ndarray:
    """What is asked for, else what was tuned in training, else 0.5."""
    if config.threshold is not None:
        return config.threshold
    return 0.5 if tuned is None else tuned


def _log(evaluation: Evaluation, output: Path | None, tracking: MlflowRun) -> None:
    tracking.log_metrics(evaluation.metrics, step=0)
    if output is not None:
        tracking.log_folder(output, "evaluation")


def _evaluated(
    scorer: Scorer,
    table: ImageTable,
    config: EvaluationConfig,
    score: Callable[[ImageTable, Sequence[str] | None], TableScores],
) -> Evaluation:
    # Zero-shot, the data's own labels are the choices.
    labels = table.classes if scorer.task == ZERO_SHOT else None
    classes = labels or scorer.classes
    unknown = set(table.classes) - set(classes)
    if unknown:
        # Says which row; `with_classes` alone would call the model's labels training labels.
        table.with_classes(scorer.classes)
        raise UsageError(f"the model does not know the labels {', '.join(sorted(unknown))}")
    table = table.with_classes(classes)
    scores = score(table, labels)
    if len(scores.rows) == 0:
        raise none_readable(table, scores.failures)
    evaluation = evaluate_predictions(
        task_of_labels(scorer),
        scores.probabilities,
        table.targets(scores.rows),
        classes,
        metrics=config.metrics,
        threshold=_threshold(config, scorer.thresholds),
        dropped=len(scores.failures),
        **_rows(table, scores.rows),
        temperature=scorer.temperature,
    )
    return replace(evaluation, notices=table.notices)
