"""Shards on the disk: each is there as a whole or not at all.

<data>/part-00012.<ending>   its rows
<work>/shards/00012.json     what is known of it, written last: with this it is committed
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np

from tintype.batch.options import OutputFormat
from tintype.batch.plan import Shard
from tintype.batch.scoring import Scored, ScoredBatch
from tintype.batch.writers import ENDINGS, Width, Writer, open_writer
from tintype.files import output_errors, write_json
from tintype.schemas.task import MULTILABEL
from tintype.scoring.results import Prediction

__all__ = ["SAMPLE_TYPE", "ShardFacts", "ShardStore", "ShardWriter", "margin"]

_SAMPLE_SIDE = 160

SAMPLE_TYPE = "image/jpeg"
"""The media type of pictures kept for the report."""

_LIKELY = 0.5


@dataclass
class ShardFacts:
    """What the summary needs of one shard."""

    number: int
    rows: int = 0
    failed_rows: int = 0
    failed_files: int = 0
    first_failed_file: str | None = None
    last_failed_file: str | None = None
    labels: dict[str, int] = field(default_factory=dict)
    """How many rows have each label on top; of a multi-label model, at 0.5 or more."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    """That it took; those of all shards add up to the time that went by."""
    least_certain: list[tuple[int, float]] = field(default_factory=list)
    """Number among all rows and `margin` of some rows, the least certain first."""


@dataclass(frozen=True)
class ShardStore:
    """Where the shards of one batch lie."""

    data: Path
    work: Path
    form: OutputFormat
    writes_rows: bool = True
    """False: only the facts (Azure's summary_only)."""

    def path(self, number: int) -> Path:
        """The file with the rows of a shard."""
        return self.data / f"part-{number:05d}{ENDINGS[self.form]}"

    def facts(self, number: int) -> ShardFacts | None:
        """What is known of a committed shard; None where it is not committed."""
        try:
            return ShardFacts(**json.loads(self._facts_path(number).read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def is_committed(self, number: int) -> bool:
        """Whether the shard is whole."""
        return self._facts_path(number).exists()

    def clear_unfinished(self) -> None:
        """Remove what a process that was killed had not finished."""
        for path in self.data.glob(".part-*"):
            path.unlink(missing_ok=True)

    def commit(self, facts: ShardFacts) -> None:
        """Make a finished shard count."""
        write_json(self._facts_path(facts.number), asdict(facts))

    def _facts_path(self, number: int) -> Path:
        return self.work / "shards" / f"{number:05d}.json"


class ShardWriter:
    """Takes the batches of one shard, and makes it whole in the end."""

    def __init__(
        self,
        store: ShardStore,
        shard: Shard,
        width: Width,
        task: str,
        samples: Collection[int],
        *,
        least_certain: int = 0,
    ) -> None:
        """
        Args:
            samples: places in the shard whose pictures are kept for the report.
            least_certain: how many of the least certain rows are noted.

        Raises:
            OutputError: the folder cannot be written.
        """
        self.facts = ShardFacts(shard.number)
        self._store = store
        self._task = task
        self._samples = samples
        self._first = shard.first
        self._least_certain = least_certain
        self._margins: list[tuple[int, float]] = []
        self._counts: Counter[str] = Counter()
        self._final = store.path(shard.number)
        self._temporary = self._final.with_name(f".{self._final.name}")
        self._writer: Writer | None = None
        if store.writes_rows:
            with output_errors(self._final):
                store.data.mkdir(parents=True, exist_ok=True)
                self._temporary.unlink(missing_ok=True)
                self._writer = open_writer(self._temporary, store.form, width)

    def write(self, batch: ScoredBatch) -> None:
        """Append a batch.

        Raises:
            OutputError: the disk is full or gone.
        """
        for place, scored in enumerate(batch.rows):
            self._count(scored)
            if self._least_certain and isinstance(scored.result, Prediction):
                number = self._first + self.facts.rows + place
                self._margins.append((number, margin(scored.result, self._task)))
            if self.facts.rows + place in self._samples and place in batch.pixels:
                self.facts.samples.append(_sample(scored, batch.pixels[place]))
        self.facts.rows += len(batch.rows)
        if self._writer is not None:
            with output_errors(self._final):
                self._writer.write(batch.rows)

    def commit(self, seconds: float) -> ShardFacts:
        """Have the shard counted as done; until then it counts as not there at all."""
        if self._writer is not None:
            with output_errors(self._final):
                self._writer.close()
                os.replace(self._temporary, self._final)
        self.facts.seconds = seconds
        self.facts.labels = dict(self._counts)
        self.facts.least_certain = nsmallest(
            self._least_certain, self._margins, key=lambda noted: noted[1]
        )
        self._store.commit(self.facts)
        return self.facts

    def _count(self, scored: Scored) -> None:
        facts, result = self.facts, scored.result
        if isinstance(result, Prediction):
            if self._task == MULTILABEL:
                self._counts.update(
                    result.labels[n] for n in np.flatnonzero(result.probs >= _LIKELY)
                )
            else:
                self._counts[result.labels[int(result.probs.argmax())]] += 1
        if scored.error is None:
            return
        facts.failed_rows += 1
        facts.errors.append({"file_name": scored.file, "row": scored.number, "error": scored.error})
        # The rows of a file follow one another.
        if scored.file != facts.last_failed_file:
            facts.failed_files += 1
            facts.first_failed_file = facts.first_failed_file or scored.file
            facts.last_failed_file = scored.file


def margin(prediction: Prediction, task: str) -> float:
    """How far the second label is behind; multi-label, how far the nearest probability is from 0.5. The smaller,
    the more doubtful."""
    if task == MULTILABEL:
        return float(np.abs(prediction.probs - _LIKELY).min())
    if len(prediction.probs) < 2:
        return 1.0
    second, first = np.partition(prediction.probs, len(prediction.probs) - 2)[-2:]
    return float(first - second)


def _sample(scored: Scored, pixels: np.ndarray) -> dict[str, Any]:
    """A row with its picture, as the report shows it."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    top = scored.result.top(3) if isinstance(scored.result, Prediction) else []
    return {
        "file_name": scored.file,
        "row": scored.number,
        "top": top,
        "picture": base64.b64encode(stream.getvalue()).decode(),
    }
