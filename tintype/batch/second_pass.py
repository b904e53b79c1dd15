"""A second pass over some rows of a batch: once all are scored, and before the batch counts as done.

What it does with them is its own; here is which rows they are, and how they are read again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tintype.batch.options import BatchOptions
from tintype.batch.plan import Plan, read_shard
from tintype.batch.rows import InputRow
from tintype.batch.scoring import Scored, score_rows
from tintype.batch.shard_scoring import reading_threads
from tintype.batch.shards import ShardFacts
from tintype.schemas.task import ZERO_SHOT
from tintype.scoring.scorer import Scorer

__all__ = ["BatchAtWork", "Found", "SecondPass", "choose_rows"]


@dataclass(frozen=True)
class BatchAtWork:
    """A batch under way, as a second pass sees it."""

    scorer: Scorer
    plan: Plan
    work: Path
    """Gone when the batch is done; what a second pass keeps there is found again after a kill."""

    output: Path
    options: BatchOptions
    check: Callable[[], None]
    """Raises RunCancelled where the batch was asked to stop."""

    tell: Callable[[str], object]
    facts: Callable[[], Iterator[ShardFacts]]
    """Of every shard that is committed, in order."""

    def scored_again(
        self, numbers: Sequence[int]
    ) -> Iterator[tuple[int, Scored, np.ndarray | None]]:
        """Rows with their numbers among all rows, scored once more, and what the model sees of each: uint8
        (h, w, 3), None where the image cannot be read.

        Args:
            numbers: ascending.
        """
        batches = score_rows(
            self.scorer,
            self._rows(numbers),
            threads=reading_threads(self.scorer, self.plan),
            retries=self.options.retries,
            labels=self.plan.identity.get("labels"),
        )
        remaining = iter(numbers)
        for batch in batches:
            for place, scored in enumerate(batch.rows):
                yield next(remaining), scored, batch.pixels.get(place)

    def _rows(self, numbers: Sequence[int]) -> Iterator[InputRow]:
        remaining = iter(numbers)
        wanted = next(remaining, None)
        for shard in self.plan.shards:
            end = shard.first + shard.rows
            if wanted is None or wanted >= end:
                continue
            rows = read_shard(self.work, shard, labels=self.scorer.task == ZERO_SHOT)
            for number, row in enumerate(rows, shard.first):
                if number == wanted:
                    yield row
                    wanted = next(remaining, None)
                    if wanted is None or wanted >= end:
                        break


@dataclass(frozen=True)
class Found:
    """What came of a second pass."""

    summary: dict[str, Any] = field(default_factory=dict)
    """For summary.json."""

    page: dict[str, Any] = field(default_factory=dict)
    """`ExplainedPictures.data`, for the page."""


class SecondPass(ABC):
    """What is done with some rows of a batch. Killed anywhere, it is called again and goes on."""

    least_certain: int = 0
    """Of how many of its least certain rows each shard is to take note."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What decides its output, JSON-able; a batch is only gone on with where this is the same."""

    @abstractmethod
    def prepare(self, batch: BatchAtWork) -> None:
        """Look whether it can be done, and tell what it will cost, before any row is scored.

        Raises:
            UsageError: it cannot.
        """

    @abstractmethod
    def run(self, batch: BatchAtWork) -> Found:
        """Do it, or what is left of it.

        Raises:
            RunCancelled: as `batch.check` says; what was done stays.
            OutputError: the disk is full or gone; what was done stays.
        """


def choose_rows(
    batch: BatchAtWork,
    most: int | Literal["all"],
    which: Literal["evenly", "first", "least_certain"],
) -> Sequence[int]:
    """Numbers of rows among all rows, ascending: at most `most`.

    Args:
        which: least_certain is known only once all rows are scored, and needs `SecondPass.least_certain`.
    """
    rows = batch.plan.rows
    if most == "all" or (most >= rows and which != "least_certain"):
        return range(rows)
    if which == "first":
        return range(most)
    if which == "evenly":
        places: list[int] = np.linspace(0, rows - 1, most).round().astype(int).tolist()
        return places
    noted = ((margin, row) for shard in batch.facts() for row, margin in shard.least_certain)
    return sorted(row for _, row in nsmallest(most, noted))
