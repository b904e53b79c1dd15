"""The plan of a batch: its rows, cut into shards that can each be read and written alone.

    <work>/inputs.jsonl   every input file, in order
    <work>/plan.json      the shards: where each begins, and how many rows it has

Both are written once, before anything is scored, so that a batch that was killed goes on with the
very same shards.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tintype.batch.inputs import InputFile, find_inputs, stamp_of
from tintype.batch.readers import read_rows
from tintype.batch.rows import InputRow
from tintype.data.mltable import read_mltable_rows
from tintype.errors import DataError
from tintype.files import output_errors, write_json
from tintype.images.source import is_url
from tintype.progress import working

__all__ = ["Plan", "Shard", "check_unchanged", "load_plan", "make_plan", "read_shard"]

_INPUTS = "inputs.jsonl"

# Odd. Above it shards grow, up to the most rows that one may have; half as many stay.
_MOST_SHARDS = 65


@dataclass(frozen=True)
class Shard:
    """Rows that are written together, and where the first of them stands."""

    number: int
    first: int
    """Number of its first row among all rows."""
    file_at: int
    """Byte in inputs.jsonl at which the first row's file stands."""
    offset: int
    """Where in that file the first row begins; see `readers.read_rows`."""
    row: int
    """Number of the first row in that file."""
    rows: int


@dataclass(frozen=True)
class Plan:
    """All shards of a batch."""

    shards: tuple[Shard, ...]
    rows: int
    files: int
    urls: bool
    """Whether any image is a URL."""
    texts: bool
    """Whether any row has a text."""
    identity: dict[str, Any] = field(default_factory=dict)
    """What else decides the output: a batch is only gone on with where this is the same."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Files that were passed over, by ending."""
    images: bool = True
    """Whether any row has an image."""

    def embedded(self, *, reads_text: bool) -> tuple[bool, bool]:
        """Whether a model of embeddings makes features of images, and of texts, of it.

        Args:
            reads_text: whether the model has a text tower.
        """
        texts = self.texts and reads_text
        return self.images or not texts, texts


def make_plan(
    inputs: Mapping[str, str],
    work: Path,
    *,
    batch_size: int,
    shard_rows: int,
    identity: dict[str, Any],
) -> Plan:
    """Look through the inputs once, and write the plan to `work`.

    Args:
        inputs: references by name; with several, the names lead the names of their files.
        batch_size: every shard but the last is a whole number of batches.
        shard_rows: most rows of a shard.

    Raises:
        DataError: an input cannot be read, or there is no row in all of them.
        OutputError: `work` cannot be written.
    """
    cutter = _Cutter(batch_size, shard_rows)
    skipped: Counter[str] = Counter()
    temporary = work / f".{_INPUTS}"
    with output_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        with working("looking through the input"), temporary.open("wb") as stream:
            for name, reference in inputs.items():
                prefix = f"{name}/" if len(inputs) > 1 else ""
                for file in find_inputs(reference, skipped):
                    if file.kind == "mltable":
                        file = _listed(file, work / f"{name}.jsonl")
                    file = InputFile(prefix + file.name, file.path, file.kind, file.stamp)
                    cutter.take(file, stream.tell())
                    stream.write(json.dumps(asdict(file)).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(work / _INPUTS)
    plan = cutter.plan(identity, dict(skipped))
    if not plan.rows:
        raise DataError("there are no rows in it", file=", ".join(inputs.values()))
    write_json(work / "plan.json", asdict(plan))
    return plan


def load_plan(work: Path) -> Plan | None:
    """The plan in `work`; None where none was finished."""
    try:
        content = json.loads((work / "plan.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return Plan(**{**content, "shards": tuple(Shard(**shard) for shard in content["shards"])})


def check_unchanged(work: Path) -> None:
    """That the files are those of the plan.

    Raises:
        DataError: one was changed or removed.
    """
    for file in _files(work, 0):
        if file.stamp is not None and stamp_of(file.path) != file.stamp:
            raise DataError(
                "has changed since this batch was begun; begin anew in another output folder",
                file=file.path,
            )


def read_shard(work: Path, shard: Shard, *, labels: bool = False) -> Iterator[InputRow]:
    """The rows of one shard.

    Args:
        labels: whether each row gets to know the text of its file's first row.

    Raises:
        DataError: there are fewer rows now than when the plan was made.
    """
    left, offset, number = shard.rows, shard.offset, shard.row
    for file in _files(work, shard.file_at):
        first = _first_text(file) if labels and number else None
        for row, _ in read_rows(file, offset, number):
            if labels:
                first = row.text if not row.number else first
                row.labels = first if isinstance(first, str) else None
            yield row
            left -= 1
            if not left:
                return
        offset = number = 0
    raise DataError(f"{left} rows fewer than when this batch was begun", file=work / _INPUTS)


class _Cutter:
    """Counts rows into shards: small ones for a short batch, so that a kill costs little of it, and
    larger ones as it grows."""

    def __init__(self, batch_size: int, most_rows: int) -> None:
        self._size = batch_size
        self._most = most_rows
        self._starts: list[tuple[int, int, int]] = []
        self._rows = 0
        self._files = 0
        self._urls = self._texts = self._images = False

    def take(self, file: InputFile, at: int) -> None:
        """Count the rows of `file`, which stands at byte `at` of the list."""
        self._files += 1
        offset = 0
        for row, after in read_rows(file):
            if self._rows % self._size == 0:
                self._begin(at, offset, row.number)
            self._rows += 1
            self._urls = self._urls or (row.location is not None and is_url(row.location))
            self._texts = self._texts or bool(row.text)
            self._images = self._images or row.has_image
            offset = after

    def _begin(self, at: int, offset: int, row: int) -> None:
        """A shard begins here; of too many, every second one is joined to the one before it."""
        self._starts.append((at, offset, row))
        if len(self._starts) > _MOST_SHARDS and 2 * self._size <= self._most:
            # An odd number of them: the newest stays.
            self._starts = self._starts[::2]
            self._size *= 2

    def plan(self, identity: dict[str, Any], skipped: dict[str, int]) -> Plan:
        """What was counted."""
        shards = tuple(
            Shard(
                number,
                number * self._size,
                *start,
                rows=min(self._size, self._rows - number * self._size),
            )
            for number, start in enumerate(self._starts)
        )
        return Plan(
            shards,
            self._rows,
            self._files,
            self._urls,
            self._texts,
            identity,
            skipped,
            self._images,
        )


def _files(work: Path, at: int) -> Iterator[InputFile]:
    """The input files from byte `at` of the list on."""
    with (work / _INPUTS).open("rb") as stream:
        stream.seek(at)
        for line in stream:
            content = json.loads(line)
            stamp = content["stamp"]
            yield InputFile(**{**content, "stamp": stamp and tuple(stamp)})


def _first_text(file: InputFile) -> Any:
    return next((row.text for row, _ in read_rows(file)), None)


def _listed(table: InputFile, path: Path) -> InputFile:
    """The images of an MLTable, written down as JSON lines."""
    with path.open("w", encoding="utf-8") as stream:
        for row in read_mltable_rows(Path(table.path).parent, None, "image_url"):
            stream.write(json.dumps({"image_url": row.location}) + "\n")
    return InputFile(table.name, str(path), "jsonl", stamp_of(path))
