"""What an AutoML job tells of its best model: its evaluation, and the report of the sweep."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from tintype.automl.label_issues import LabelIssue, find_label_issues
from tintype.automl.report import SweepReport, write_report_page
from tintype.automl.selection_bias import CorrectedScore, correct_for_selection
from tintype.automl.study import Study, Trial
from tintype.evaluation.report import Evaluation, evaluate_predictions
from tintype.files import write_json, write_text
from tintype.jobs.automl.predictions import predictions_file, read_predictions
from tintype.jobs.automl.status import SweepStatus
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.run import Run
from tintype.jobs.tables import Tables
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.automl_job import AutomlJob
from tintype.scoring.calibration import temperature_of, thresholds_of

__all__ = ["corrected_for_selection", "evaluate_validation", "write_report"]

_MOST_PICTURES = 24

# Trials that take part in the correction for their choice: the best.
_MOST_CORRECTED = 50

# Training images whose labels are checked where their features are not there yet.
_MOST_CHECKED = 500


def evaluate_validation(job: AutomlJob, run: Run, best_run: Run, tables: Tables) -> Evaluation:
    """Write `outputs/evaluation` of the best model, from what its trial predicted."""
    probabilities = np.load(predictions_file(best_run), allow_pickle=False)
    card = _card(best_run)
    thresholds = thresholds_of(card, tables.train.classes)
    evaluation = evaluate_predictions(
        job.task,
        probabilities,
        tables.held_out.targets(),
        tables.train.classes,
        groups=tables.held_out.groups,
        images=tables.held_out,
        threshold=0.5 if thresholds is None else thresholds,
        temperature=temperature_of(card),
    )
    evaluation = replace(evaluation, near_duplicates=tables.near_duplicates["validation_data"])
    evaluation.write(run.outputs / "evaluation")
    return evaluation


def corrected_for_selection(
    job: AutomlJob, study: Study, trials: TrialRuns, tables: Tables
) -> CorrectedScore | None:
    """What the best trial's score is worth, had it been chosen by other images.

    None where one trial alone could be chosen.
    """
    completed = [trial for trial in study.trials() if trial.state == "completed"]
    # Those that are far behind are never chosen, whatever is drawn.
    best = sorted(completed, key=lambda trial: -(trial.metric or 0.0))[:_MOST_CORRECTED]
    rows = len(tables.held_out)
    found = [
        read_predictions(predictions_file(trials.run(trial.number)), rows=rows)
        for trial in sorted(best, key=lambda trial: trial.number)
    ]
    stored = [probabilities for probabilities in found if probabilities is not None]
    return correct_for_selection(
        job.task, stored, tables.held_out.targets(), job.metric, groups=tables.held_out.groups
    )


def _card(run: Run) -> dict[str, Any]:
    """Of a trial's model; empty where it wrote none."""
    return open_model_folder(run.model_folder).card if is_model_folder(run.model_folder) else {}


def write_report(
    job: AutomlJob,
    run: Run,
    trials: TrialRuns,
    status: SweepStatus,
    best: Trial,
    tables: Tables,
    evaluation: Evaluation,
    corrected: CorrectedScore | None,
) -> None:
    """Write `outputs/report.html`."""
    classes = tables.train.classes
    checked = _out_of_fold(job, trials, best, tables)
    issues: list[LabelIssue] = []
    if checked is not None:
        rows, probabilities = checked
        doubtful = find_label_issues(
            job.task, probabilities, tables.train.targets(rows), classes, most=_MOST_PICTURES
        )
        issues = [replace(issue, row=int(rows[issue.row])) for issue in doubtful]
        write_json(
            run.outputs / "label_issues.json",
            [{"image": tables.train.location(issue.row), **asdict(issue)} for issue in issues],
        )
    content = status.content()
    report = SweepReport(
        job=run.name,
        metric=job.metric,
        rows=content["trials"],
        best=best.number,
        notes=content["notes"],
        summary=evaluation.summary,
        predictions=evaluation.predictions,
        classes=classes,
        validation=tables.held_out,
        label_issues=issues,
        issues_table=None if checked is None else tables.train,
        corrected=corrected,
        commands=(
            (
                "download the model",
                f"tintype job download --name {run.name} --output-name best_model",
            ),
            (
                "register it",
                f"tintype model create --name my-model --path "
                f"azureml://jobs/{run.name}/outputs/artifacts/paths/outputs/mlflow-model/",
            ),
            ("serve it", f"tintype serve {run.model_folder}"),
        ),
    )
    write_text(run.outputs / "report.html", write_report_page(report))


def _out_of_fold(
    job: AutomlJob, trials: TrialRuns, best: Trial, tables: Tables
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of the training table, and their probabilities by heads that had not seen them."""
    ranked = trials.run(0).outputs / "out_of_fold.npz"
    if ranked.is_file():
        with np.load(ranked, allow_pickle=False) as stored:
            return stored["rows"], stored["probs"]
    if "ranking" in best.parameters:
        return None
    checkpoint = trials.run(best.number).document["finetuning"]["model_name"]
    if checkpoint in SCRATCH_NAMES:
        return None
    from tintype.automl.ranking import rank_backbones

    rows = np.arange(len(tables.train))
    if len(rows) > _MOST_CHECKED:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_CHECKED])
    ranking = rank_backbones(
        [checkpoint],
        tables.train.select(rows),
        tables.held_out.select(np.arange(1)),
        task=job.task,
        metric=job.metric,
        deadline=0.0,
        log=lambda sentence: None,
    )
    if not ranking:
        return None
    head = ranking[0].head
    return rows[head.validated_rows], head.out_of_fold
