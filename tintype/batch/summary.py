"""What came of a batch, in numbers: summary.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tintype.batch.plan import Plan
from tintype.batch.shards import ShardFacts

__all__ = ["BatchSummary", "FailedFiles", "summarize"]


# Whoever compares embeddings needs to know.
_OF_SCORING = ("pooling", "normalize")


@dataclass(frozen=True)
class BatchSummary:
    """A finished batch."""

    model: str
    task: str
    rows: int
    succeeded: int
    failed: int
    """Rows without an answer; errors.jsonl says why."""
    files: int
    failed_files: int
    """Input files with at least one such row: what error_threshold counts."""
    seconds: float
    """Of scoring, over all attempts."""
    images_per_second: float
    labels: dict[str, int]
    """Rows by their likeliest label, the most frequent first; of a multi-label model, rows in which
    a label has a probability of 0.5 or more. Empty for embeddings."""
    output: str
    """File or folder with the rows, relative to the summary; empty: none were to be written."""
    scorer: dict[str, Any]
    """Runtime, precision, device, as `Scorer.describe`."""
    skipped_files: dict[str, int] = field(default_factory=dict)
    """Files of the input that are neither images nor tables, by ending."""
    identity: dict[str, Any] = field(default_factory=dict)
    """What decided the output."""
    explanations: dict[str, Any] = field(default_factory=dict)
    """Where answers were explained: by which method, how many, and in which folder."""

    def content(self) -> dict[str, Any]:
        """As summary.json holds it."""
        given, own = self.identity, asdict(self)
        if not own["explanations"]:
            del own["explanations"]
        return {**own, **{key: given[key] for key in _OF_SCORING if key in given}}

    @classmethod
    def of_content(cls, content: dict[str, Any]) -> BatchSummary:
        """From what `content` gave."""
        return cls(**{key: value for key, value in content.items() if key not in _OF_SCORING})


def summarize(
    plan: Plan,
    facts: Iterable[ShardFacts],
    *,
    scorer: dict[str, Any],
    output: str,
    explanations: dict[str, Any],
) -> BatchSummary:
    """Add up the shards of a batch."""
    labels: Counter[str] = Counter()
    rows = failed = 0
    seconds = 0.0
    files = FailedFiles()
    for shard in facts:
        rows += shard.rows
        failed += shard.failed_rows
        seconds += shard.seconds
        labels.update(shard.labels)
        files.add_shard(shard)
    return BatchSummary(
        model=plan.identity["model"],
        task=scorer["task"],
        rows=rows,
        succeeded=rows - failed,
        failed=failed,
        files=plan.files,
        failed_files=files.count,
        seconds=round(seconds, 3),
        images_per_second=round(rows / seconds, 2) if seconds else 0.0,
        labels=dict(sorted(labels.items(), key=lambda item: (-item[1], item[0]))),
        output=output,
        scorer=scorer,
        skipped_files=plan.skipped,
        identity=plan.identity,
        explanations=explanations,
    )


class FailedFiles:
    """Counts input files with failed rows; the rows of a file follow one another."""

    def __init__(self) -> None:
        self.count = 0
        self._last: str | None = None

    def add(self, file: str) -> None:
        """A row of `file` failed."""
        if file != self._last:
            self.count += 1
            self._last = file

    def add_shard(self, facts: ShardFacts) -> None:
        """All failures of a shard that follows the one before."""
        if facts.failed_files:
            self.count += facts.failed_files - (facts.first_failed_file == self._last)
            self._last = facts.last_failed_file
