"""The page of a finished sweep: what was tried, what came of it, and what to look at next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tintype.automl import charts
from tintype.automl.importance import parameter_columns, parameter_importance
from tintype.automl.label_issues import LabelIssue
from tintype.automl.selection_bias import CorrectedScore
from tintype.data.image_table import ImageTable
from tintype.evaluation import html
from tintype.evaluation.intervals import LEVEL
from tintype.evaluation.thumbnails import thumbnail

__all__ = ["SweepReport", "write_report_page"]

_THUMBNAIL = 176  # pixels

_MOST_SHOWN_LENGTH = 60


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
    metrics: Mapping[str, float]
    """Of the best model, on the validation images."""
    intervals: Mapping[str, tuple[float, float]]
    """95 % intervals of `metrics`."""
    confusion_matrix: bytes
    """PNG."""
    mistakes: Sequence[LabelIssue]
    validation: ImageTable
    """What `mistakes` refers to."""
    label_issues: Sequence[LabelIssue]
    issues_table: ImageTable | None
    """What `label_issues` refers to; None where labels could not be checked."""
    corrected: CorrectedScore | None = None
    """What the best trial's score is worth; None where there was nothing to choose from."""
    commands: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """What to do next: (what, command)."""


def write_report_page(report: SweepReport) -> str:
    """The page as self-contained HTML."""
    best = next(row for row in report.rows if row["number"] == report.best)
    seconds = sum(row["seconds"] for row in report.rows)
    lead = (
        f"{len(report.rows)} trials, {_duration(seconds)} of work. The best is trial "
        f"{report.best} ({best['model']}) with {report.metric} {best['metric']:.4f} on "
        f"{len(report.validation)} validation images."
    )
    return html.page(
        f"AutoML job {report.job}",
        html.paragraph(lead),
        html.section(
            "What to do next",
            html.table(("", "command"), report.commands) if report.commands else "",
        ),
        html.section("What was tried, and why", *(html.paragraph(note) for note in report.notes)),
        html.section("Leaderboard", _leaderboard(report)),
        html.section("What to expect on other images", _expected(report)),
        html.section("Metrics of the best model", _metrics(report)),
        html.section(
            "Pictures of the sweep", f'<div class="plots">{"".join(_charts(report))}</div>'
        ),
        html.section("Confusion matrix", html.picture(report.confusion_matrix, "Confusion matrix")),
        html.section("Most confident mistakes", _pictures(report.mistakes, report.validation)),
        html.section("Likely mislabelled images", *_label_issues(report)),
    )


def _leaderboard(report: SweepReport) -> str:
    order = sorted(
        report.rows,
        key=lambda row: (row["state"] != "completed", -(row["metric"] or 0.0), row["number"]),
    )
    rows = [
        (
            row["number"],
            row["model"],
            ", ".join(f"{key} {_short(value)}" for key, value in row["parameters"].items()),
            row["metric"],
            row["state"] if row["error"] is None else f"failed: {row['error'][:120]}",
            len(row["intervals"]),
            _duration(row["seconds"]),
        )
        for row in order
    ]
    heads = ("trial", "model", "parameters", report.metric, "state", "evaluations", "time")
    return html.table(heads, rows)


def _expected(report: SweepReport) -> str:
    if report.corrected is None:
        return ""
    return html.paragraph(
        f"{report.corrected.sentence()} For this the best trial was chosen anew from resampled "
        "images, "
        "and judged on those that were not drawn (BBC-CV, Tsamardinos et al. 2018). Test images "
        "that no "
        "trial has seen say it best: test_data, or test_data_size."
    )


def _metrics(report: SweepReport) -> str:
    rows = [
        (name, value, html.interval(report.intervals.get(name)))
        for name, value in sorted(report.metrics.items())
    ]
    return html.table(("metric", "value", f"{LEVEL:.0%} interval"), rows)


def _charts(report: SweepReport) -> list[str]:
    rows = [row for row in report.rows if row["metric"] is not None]
    sections = []
    if rows:
        sections.append(
            html.picture(
                charts.plot_metric_over_time(report.rows, report.metric), "Metric over time"
            )
        )
    if any(len(row["intervals"]) > 1 for row in report.rows):
        sections.append(
            html.picture(charts.plot_learning_curves(report.rows, report.metric), "Learning curves")
        )
    points = [{"model": row["model"], **row["parameters"]} for row in rows]
    values = [float(row["metric"]) for row in rows]
    importance = parameter_importance(points, values)
    if importance:
        sections.append(
            html.picture(charts.plot_importance(importance), "Importance of parameters")
        )
    columns = parameter_columns(points)
    if columns and len(rows) > 1:
        sections.append(
            html.picture(
                charts.plot_parallel(columns, report.metric, values), "Parallel coordinates"
            )
        )
    return sections


def _label_issues(report: SweepReport) -> list[str]:
    if report.issues_table is None:
        return [
            html.paragraph(
                "Not checked: that needs features of a pretrained checkpoint, and there was none."
            )
        ]
    if not report.label_issues:
        return [html.paragraph("None found.")]
    return [
        html.paragraph(
            "A head that had not seen them disagrees with these labels (cleanlab). Look at "
            "them before training again."
        ),
        _pictures(report.label_issues, report.issues_table),
    ]


def _pictures(issues: Sequence[LabelIssue], table: ImageTable) -> str:
    if not issues:
        return html.paragraph("None.")
    cells = []
    for issue in issues:
        location = table.location(issue.row)
        caption = (
            f"labelled {issue.given}, predicted {issue.predicted} ({issue.confidence:.2f}); "
            f"{location.rsplit('/', 1)[-1]}"
        )
        content = thumbnail(location, _THUMBNAIL)
        if content is not None:
            cells.append(html.picture(content, caption, kind="jpeg", caption=caption))
    return f'<div class="pictures">{"".join(cells)}</div>'


def _short(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_SHOWN_LENGTH else f"{text[:_MOST_SHOWN_LENGTH]}…"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
