"""The page of a finished batch: how fast, how many of what, and some pictures with their answers."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tintype.batch.shards import ShardFacts
from tintype.batch.summary import BatchSummary
from tintype.evaluation.html import page, paragraph, picture, section, table
from tintype.files import write_text

__all__ = ["write_report"]

_LABELS = 50
_ERRORS = 100


def write_report(path: Path, summary: BatchSummary, facts: Iterable[ShardFacts]) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written.
    """
    for_samples, for_errors = itertools.tee(facts)
    samples = [sample for shard in for_samples for sample in shard.samples]
    errors = list(
        itertools.islice((error for shard in for_errors for error in shard.errors), _ERRORS)
    )
    write_text(
        path,
        page(
            f"Batch of {summary.rows:,} images",
            table(("", ""), _figures(summary)),
            section("Labels", _labels(summary)),
            section("A sample", _pictures(samples)),
            section("Rows without an answer", _errors(summary, errors)),
        ),
    )


def _figures(summary: BatchSummary) -> list[tuple[str, Any]]:
    scorer = summary.scorer
    skipped = ", ".join(
        f"{n} {ending or 'without ending'}" for ending, n in summary.skipped_files.items()
    )
    rows: list[tuple[str, Any]] = [
        ("Model", summary.model),
        ("Task", summary.task),
        ("Rows", f"{summary.rows:,} in {summary.files:,} files"),
        ("Answered", f"{summary.succeeded:,}"),
        ("Without an answer", f"{summary.failed:,} in {summary.failed_files:,} files"),
        ("Images a second", f"{summary.images_per_second:,}"),
        ("Seconds", f"{summary.seconds:,.0f}"),
        ("Computed by", f"{scorer['runtime']}, {scorer['precision']}, {scorer['device']}"),
        ("Output", summary.output or "none: the summary alone was asked for"),
    ]
    return rows + [("Files passed over", skipped)] * bool(skipped)


def _labels(summary: BatchSummary) -> str:
    shown = list(summary.labels.items())[:_LABELS]
    left = len(summary.labels) - len(shown)
    if not shown:
        return ""
    rows = [(label, count, f"{count / max(summary.succeeded, 1):.1%}") for label, count in shown]
    return table(("Label", "Rows", "Share"), rows) + paragraph(
        f"And {left} more labels; summary.json has them all." if left else ""
    )


def _pictures(samples: Iterable[dict[str, Any]]) -> str:
    figures = [
        picture(
            base64.b64decode(sample["picture"]),
            f"{sample['file_name']}, row {sample['row']}",
            kind="jpeg",
            caption="; ".join(
                [f"{sample['file_name']} ({sample['row']})"]
                + [f"{label} {probability:.1%}" for label, probability in sample["top"]]
            ),
        )
        for sample in samples
    ]
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def _errors(summary: BatchSummary, errors: list[dict[str, Any]]) -> str:
    if not errors:
        return ""
    rows = [(error["file_name"], error["row"], error["error"]) for error in errors]
    left = summary.failed - len(errors)
    return table(("File", "Row", "Reason"), rows) + paragraph(
        f"And {left:,} more; errors.jsonl has them all." if left > 0 else ""
    )
