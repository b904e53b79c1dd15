"""What an AutoML job leaves: metrics and evaluation of the best model, report, copies, registration."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from tintype.automl.label_issues import LabelIssue, confident_mistakes, find_label_issues
from tintype.automl.report import SweepReport, write_report_page
from tintype.automl.study import Trial
from tintype.evaluation.curves import confusion_matrix
from tintype.evaluation.plots import plot_confusion_matrix
from tintype.evaluation.report import Evaluation, evaluate_predictions
from tintype.files import atomic_folder, write_json, write_text
from tintype.jobs.sweep_status import SweepStatus
from tintype.jobs.sweep_tables import SweepTables
from tintype.jobs.trials import trial_name
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.automl_job import AutomlJob
from tintype.workspace.registry import register_model
from tintype.workspace.runs import RunStore

__all__ = ["copy_and_register", "write_outputs", "write_report"]

_MOST_PICTURES = 24

# Training images whose labels are checked where their features are not there yet.
_MOST_CHECKED = 500


def write_outputs(
    job: AutomlJob, name: str, store: RunStore, best: Trial, tables: SweepTables
) -> tuple[dict[str, float], Evaluation]:
    """Evaluate the best model, write the evaluations, and return the metrics to record.

    Validation metrics keep their names; those of the test data begin with `test_`.
    """
    outputs = store.path(name) / "outputs"
    trial_outputs = store.path(trial_name(name, best.number)) / "outputs"
    probabilities = np.load(trial_outputs / "validation_probabilities.npy", allow_pickle=False)
    evaluation = evaluate_predictions(
        job.task, probabilities, tables.validation.targets(), tables.train.classes
    )
    evaluation.write(outputs / "evaluation")
    metrics = dict(evaluation.metrics)
    if tables.test is not None:
        from tintype.scoring.scorer import Scorer

        scorer = Scorer.load(outputs / "mlflow-model", runtime="torch", exact=True)
        scores = scorer.score_table(tables.test)
        test = evaluate_predictions(
            job.task, scores.probabilities, tables.test.targets(scores.rows), tables.train.classes
        )
        test.write(outputs / "test-evaluation")
        metrics |= {f"test_{key}": value for key, value in test.metrics.items()}
    return metrics, evaluation


def write_report(
    job: AutomlJob,
    name: str,
    store: RunStore,
    status: SweepStatus,
    best: Trial,
    tables: SweepTables,
    evaluation: Evaluation,
) -> None:
    """Write `outputs/report.html`."""
    outputs = store.path(name) / "outputs"
    classes = tables.train.classes
    predictions = evaluation.predictions
    mistakes = confident_mistakes(
        job.task, predictions.probabilities, predictions.targets, classes, most=_MOST_PICTURES
    )
    checked = _out_of_fold(job, name, store, best, tables)
    issues: list[LabelIssue] = []
    if checked is not None:
        rows, probabilities = checked
        found = find_label_issues(
            job.task, probabilities, tables.train.targets(rows), classes, most=_MOST_PICTURES
        )
        issues = [replace(issue, row=int(rows[issue.row])) for issue in found]
        write_json(
            outputs / "label_issues.json",
            [{"image": tables.train.location(issue.row), **asdict(issue)} for issue in issues],
        )
    content = status.content()
    report = SweepReport(
        job=name,
        metric=job.metric,
        rows=content["trials"],
        best=best.number,
        notes=content["notes"],
        metrics=evaluation.metrics,
        confusion_matrix=plot_confusion_matrix(confusion_matrix(predictions, classes)),
        mistakes=mistakes,
        validation=tables.validation,
        label_issues=issues,
        issues_table=None if checked is None else tables.train,
        commands=(
            ("download the model", f"tintype job download --name {name} --output-name best_model"),
            (
                "register it",
                f"tintype model create --name my-model --path "
                f"azureml://jobs/{name}/outputs/artifacts/paths/outputs/mlflow-model/",
            ),
            ("serve it", f"tintype serve {outputs / 'mlflow-model'}"),
        ),
    )
    write_text(outputs / "report.html", write_report_page(report))


def _out_of_fold(
    job: AutomlJob, name: str, store: RunStore, best: Trial, tables: SweepTables
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of the training table, and their probabilities by heads that had not seen them."""
    ranked = store.path(trial_name(name, 0)) / "outputs" / "out_of_fold.npz"
    if ranked.is_file():
        with np.load(ranked, allow_pickle=False) as stored:
            return stored["rows"], stored["probs"]
    if "ranking" in best.parameters:
        return None
    checkpoint = store.document(trial_name(name, best.number))["model_name"]
    if checkpoint in SCRATCH_NAMES:
        return None
    from tintype.automl.ranking import rank_backbones

    rows = np.arange(len(tables.train))
    if len(rows) > _MOST_CHECKED:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_CHECKED])
    ranking = rank_backbones(
        [checkpoint],
        tables.train.select(rows),
        tables.validation.select(np.arange(1)),
        task=job.task,
        metric=job.metric,
        deadline=0.0,
        log=lambda sentence: None,
    )
    if not ranking:
        return None
    head = ranking[0].head
    return rows[head.validated_rows], head.out_of_fold


def copy_and_register(job: AutomlJob, name: str, model_folder: Path) -> str | None:
    """Copy and register the best model as `outputs` of the document say; `name:version` or None."""
    registered = None
    for output in job.outputs.values():
        if output.path:
            with atomic_folder(Path(output.path)) as temporary:
                shutil.copytree(model_folder, temporary, dirs_exist_ok=True)
        if output.name:
            model = register_model(output.name, model_folder, tags={"tintype.job": name})
            registered = f"{model.name}:{model.version}"
            print(f"Registered {model.name}, version {model.version}", flush=True)
    return registered
