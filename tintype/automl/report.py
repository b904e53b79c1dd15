"""The page of a finished sweep: what was tried, what came of it, and what to look at next.

`report.js` draws it, of the data that are made here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tintype.automl.importance import parameter_importance
from tintype.automl.label_issues import LabelIssue
from tintype.automl.selection_bias import CorrectedScore
from tintype.data.image_table import ImageTable
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.page_data import (
    THUMBNAIL_SIDE,
    file_name,
    metrics_data,
    predictions_data,
    rounded,
)
from tintype.images.thumbnails import THUMBNAIL_TYPE, thumbnails
from tintype.pages import data_url, document

__all__ = ["SweepReport", "write_report_page"]

_PAGE = Path(__file__).with_name("report.js")

# Letters of a parameter, and of what a failed trial said.
_PARAMETER, _ERROR = 60, 200


@dataclass(frozen=True)
class SweepReport:
    """What the page is made of."""

    job: str
    metric: str
    rows: Sequence[Mapping[str, Any]]
    """Trials, as sweep.json has them."""
    best: int
    """The best trial's number."""
    notes: Sequence[str]
    """What the automatic mode said."""
    summary: Mapping[str, Any]
    """Of the best model's evaluation: see `Evaluation.summary`."""
    predictions: Predictions
    """Of the best model on the validation images."""
    classes: Sequence[str]
    validation: ImageTable
    label_issues: Sequence[LabelIssue]
    issues_table: ImageTable | None
    """What `label_issues` refers to; None where labels could not be checked."""
    corrected: CorrectedScore | None = None
    """What the best trial's score is worth; None where there was nothing to choose from."""
    commands: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """What to do next: (what, command)."""


def write_report_page(report: SweepReport) -> str:
    """The page as one HTML file."""
    best = next(row for row in report.rows if row["number"] == report.best)
    seconds = sum(row["seconds"] for row in report.rows)
    lead = (
        f"{len(report.rows)} trials, {_duration(seconds)} of work. The best is trial "
        f"{report.best} ({best['model']}) with {report.metric} {best['metric']:.4f} on "
        f"{len(report.validation):,} validation images."
    )
    return document(
        f"AutoML job {report.job}",
        page=_PAGE,
        lead=[lead],
        data={
            "metric": report.metric,
            "best": report.best,
            "commands": report.commands,
            "notes": list(report.notes),
            "trials": [_trial(row) for row in report.rows],
            "importance": _importance(report.rows),
            "expected": _expected(report),
            "label_issues": _label_issues(report),
            **metrics_data(report.summary),
            **predictions_data(report.predictions, report.classes, report.validation),
        },
    )


def _trial(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("number", "model", "state", "started", "ended", "seconds")
    return {
        **{key: row[key] for key in kept},
        "metric": rounded(row["metric"]),
        # A network that diverged has evaluations without a number.
        "intervals": [rounded(value) for value in row["intervals"] if math.isfinite(value)],
        "error": None if row["error"] is None else row["error"][:_ERROR],
        "parameters": {key: _parameter(value) for key, value in row["parameters"].items()},
    }


def _importance(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Parameters and their shares of the variation between trials, the greatest first."""
    done = [row for row in rows if row["metric"] is not None]
    points = [{"model": row["model"], **row["parameters"]} for row in done]
    shares = parameter_importance(points, [float(row["metric"]) for row in done])
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return [[name, rounded(share)] for name, share in ordered]


def _expected(report: SweepReport) -> str:
    if report.corrected is None:
        return ""
    return (
        f"{report.corrected.sentence()} For this the best trial was chosen anew from resampled "
        "images, and judged on those that were not drawn (BBC-CV, Tsamardinos et al. 2018). Test "
        "images that no trial has seen say it best: test_data, or test_data_size."
    )


def _label_issues(report: SweepReport) -> list[dict[str, Any]] | None:
    """Images whose label is likely wrong, the worst first; None: labels were not checked."""
    table = report.issues_table
    if table is None:
        return None
    places = [table.location(issue.row) for issue in report.label_issues]
    pictures = thumbnails(places, THUMBNAIL_SIDE)
    return [
        {
            "name": file_name(place),
            "picture": data_url(pictures[place], THUMBNAIL_TYPE) if place in pictures else None,
            "given": issue.given,
            "predicted": issue.predicted,
            "confidence": rounded(issue.confidence),
        }
        for issue, place in zip(report.label_issues, places, strict=True)
    ]


def _parameter(value: Any) -> Any:
    """Numbers as they are, everything else as a short text."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    text = str(value)
    return text if len(text) <= _PARAMETER else f"{text[:_PARAMETER]}…"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
