"""The walk *evaluate*: a model and an image table become metrics, plots and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.data.reading import read_image_table
from tintype.errors import DataError, UsageError
from tintype.evaluation.config import EvaluationConfig
from tintype.evaluation.report import Evaluation, evaluate_predictions
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL, ZERO_SHOT, ClassificationTask
from tintype.workspace.registry import resolve_model
from tintype.workspace.tracking import MlflowRun

if TYPE_CHECKING:
    from tintype.data.image_table import ImageTable
    from tintype.jobs.finetuning import Tables
    from tintype.scoring.results import TableScores
    from tintype.scoring.scorer import Scorer
    from tintype.training.finetuning import FinetuneResult

__all__ = ["evaluate", "evaluate_tables"]


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    output: str | Path | None = None,
    config: EvaluationConfig | None = None,
    label_column: str = "label",
    image_column: str = "image_url",
    precision: str = "fp32",
    experiment: str | None = None,
) -> Evaluation:
    """Evaluate a model on labelled images.

    Args:
        model: anything `workspace.registry.resolve_model` understands, or a Hub id.
        data: MLTable folder, JSONL, CSV, or folder of class folders.
        output: folder for metrics.json, plots, evaluation.html and the predictions; an evaluation
            that was killed goes on there. None writes nothing.
        experiment: also log metrics and report to this MLflow experiment.

    Raises:
        DataError: data that cannot be used, or none of whose images can be read.
        UsageError: an unknown metric, or a model that is missing.
    """
    from tintype.batch.tables import score_table_in_batch
    from tintype.scoring.scorer import Scorer

    config = config or EvaluationConfig()
    source = resolve_model(model)
    loading: dict[str, Any] = {"precision": precision, "exact": True}
    scorer = Scorer.load(source, **loading)
    task = _task_of_labels(scorer)
    config.check_task(task)
    table = read_image_table(data, task=task, label_column=label_column, image_column=image_column)

    def score(table: ImageTable, labels: Sequence[str] | None) -> TableScores:
        if output is None:
            return scorer.score_table(table, labels=labels)
        return score_table_in_batch(
            scorer, source, table, _work(Path(output)), labels=labels, loading=loading
        )

    found = _evaluated(scorer, table, config, score)
    if output is not None:
        found.write(Path(output))
        # Beside the folder until then: that is replaced as a whole.
        _work(Path(output)).replace(Path(output) / "predictions")
    if experiment is not None:
        run = MlflowRun.start(experiment, "evaluation", tags={"tintype.model": str(model)})
        run.log_metrics(found.metrics, step=0)
        if output is not None:
            run.log_folder(Path(output), "evaluation")
        run.end("FINISHED")
    return found


def evaluate_tables(
    job: FinetuningJob, result: FinetuneResult, tables: Tables, folder: Path
) -> dict[str, float]:
    """Write the reports of a finished fine-tuning job and return the metrics to record.

    Validation metrics keep their names; those of `test_data`, where given, begin with `test_`.
    """
    from tintype.scoring.scorer import Scorer

    config = EvaluationConfig(
        metrics=job.evaluation.metrics, threshold=job.hyperparameters.multilabel_threshold
    )
    validation = evaluate_predictions(
        job.task,
        result.validation_probabilities,
        result.validation.targets(result.validation_rows),
        result.classes,
        metrics=config.metrics,
        threshold=config.threshold,
        dropped=tables.dropped.get("validation_data", 0),
    )
    validation.write(folder / "evaluation")
    metrics = dict(validation.metrics)
    if tables.test is not None:
        # In torch: converting a model for one pass over a test set would not pay.
        scorer = Scorer.load(result.model_folder, runtime="torch", precision="auto", exact=True)
        test = _evaluated(
            scorer, tables.test, config, lambda table, labels: scorer.score_table(table)
        )
        test.write(folder / "test-evaluation")
        metrics |= {f"test_{name}": value for name, value in test.metrics.items()}
    return metrics


def _work(output: Path) -> Path:
    """Where predictions lie until the evaluation is written."""
    return output.absolute().with_name(f".{output.name}.predictions")


def _task_of_labels(scorer: Scorer) -> ClassificationTask:
    """What kind of labels can be held against the scorer's answers."""
    if scorer.task == EMBEDDINGS:
        raise UsageError("a model that gives embeddings has no labels to evaluate")
    return MULTILABEL if scorer.task == MULTILABEL else MULTICLASS


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
        row, reason = scores.failures[0]
        file, line = table.origin(row)
        raise DataError(
            f"none of its {len(table)} images can be read: {reason}", file=file, line=line
        )
    return evaluate_predictions(
        _task_of_labels(scorer),
        scores.probabilities,
        table.targets(scores.rows),
        classes,
        metrics=config.metrics,
        threshold=config.threshold,
        dropped=len(scores.failures),
    )
