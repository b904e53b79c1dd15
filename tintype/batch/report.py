"""The page of a finished batch: how fast, how many of what, and some pictures with their answers.

`report.js` draws it, of the data that are made here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tintype.batch.shards import SAMPLE_TYPE, ShardFacts
from tintype.batch.summary import BatchSummary
from tintype.files import write_text
from tintype.pages import document

__all__ = ["write_report"]

_PAGE = Path(__file__).with_name("report.js")

_LABELS = 5_000
_ERRORS = 1_000


def write_report(
    path: Path,
    summary: BatchSummary,
    facts: Iterable[ShardFacts],
    explained: dict[str, Any] | None = None,
) -> None:
    """Write the page.

    Args:
        explained: `ExplainedPictures.data` of some rows.

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
        document(
            f"Batch of {summary.rows:,} images",
            page=_PAGE,
            lead=[f"{summary.succeeded:,} answered, {summary.failed:,} without an answer."],
            data={
                "figures": _figures(summary),
                "succeeded": summary.succeeded,
                "labels": list(summary.labels.items())[:_LABELS],
                "labels_left": max(0, len(summary.labels) - _LABELS),
                "samples": [
                    {
                        "name": sample["file_name"],
                        "row": sample["row"],
                        "top": sample["top"],
                        "picture": f"data:{SAMPLE_TYPE};base64,{sample['picture']}",
                    }
                    for sample in samples
                ],
                "explained": explained or None,
                "errors": [[error["file_name"], error["row"], error["error"]] for error in errors],
                "errors_left": max(0, summary.failed - len(errors)),
            },
        ),
    )


def _figures(summary: BatchSummary) -> list[list[str]]:
    scorer = summary.scorer
    skipped = ", ".join(
        f"{n} {ending or 'without ending'}" for ending, n in summary.skipped_files.items()
    )
    rows = [
        ["Model", summary.model],
        ["Task", summary.task],
        ["Rows", f"{summary.rows:,} in {summary.files:,} files"],
        ["Answered", f"{summary.succeeded:,}"],
        ["Without an answer", f"{summary.failed:,} in {summary.failed_files:,} files"],
        ["Images a second", f"{summary.images_per_second:,}"],
        ["Seconds", f"{summary.seconds:,.0f}"],
        ["Computed by", f"{scorer['runtime']}, {scorer['precision']}, {scorer['device']}"],
        ["Output", summary.output or "none: the summary alone was asked for"],
    ]
    return rows + [["Files passed over", skipped]] * bool(skipped)
