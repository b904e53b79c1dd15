"""What a batch or an evaluation predicted, in whatever form it was written.

<folder>/summary.json    of a batch; names the file or folder with its rows, and the inputs
<folder>/predictions/    parts in Parquet or JSON lines, as evaluations write them, too
"""

from __future__ import annotations

import ast
import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tintype.batch.inputs import find_inputs
from tintype.errors import DataError, UsageError
from tintype.schemas.long_csv import long_csv
from tintype.schemas.task import EMBEDDINGS

__all__ = ["Predicted", "has_predictions", "predicted_rows"]

_PART = 20_000
_NOT_PLACED = "a CSV of predictions does not say where this picture is"


class Predicted(NamedTuple):
    """A row of the predictions."""

    location: str
    """Absolute path or URL; where no more is known (`placed` is false), a mere name."""
    name: str
    label: str | None
    """The likeliest one."""
    score: float | None
    fault: str | None
    """Why there is none, or no picture."""
    file: str
    line: int
    placed: bool = True
    """Whether it is known where the picture is."""


def has_predictions(folder: Path) -> bool:
    """Whether something was predicted there."""
    return bool(_files(folder, _summary(folder)))


def predicted_rows(folder: Path) -> Iterator[Predicted]:
    """Every row that was predicted.

    Raises:
        DataError: a file of them is damaged; names it and the line.
    """
    summary = _summary(folder)
    for file in _files(folder, summary):
        if file.suffix == ".parquet":
            yield from _of_parquet(file)
        elif file.suffix == ".jsonl":
            yield from _of_lines(file)
        else:
            yield from _of_csv(file, summary)


def _summary(folder: Path) -> dict[str, Any]:
    """Of a batch; empty where the predictions are not a batch's."""
    try:
        content = json.loads((folder / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _files(folder: Path, summary: dict[str, Any]) -> list[Path]:
    """Files of rows, in their order."""
    # A name, never a path: a summary that somebody else wrote leads nowhere.
    output = folder / os.path.basename(str(summary.get("output") or "predictions"))
    if output.is_dir():
        return sorted(output.glob("[!.]*.parquet")) + sorted(output.glob("[!.]*.jsonl"))
    return [output] if summary and output.is_file() else []


def _of_parquet(file: Path) -> Iterator[Predicted]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            wanted = ("file_name", "image", "label", "score", "error")
            names = [name for name in wanted if name in opened.schema_arrow.names]
            line = 0
            for batch in opened.iter_batches(_PART, columns=names):
                for row in batch.to_pylist():
                    line += 1
                    yield _of_keys(row, file, line)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read: {error}", file=file) from None


def _of_lines(file: Path) -> Iterator[Predicted]:
    line = 0
    try:
        with file.open("rb") as stream:
            for line, text in enumerate(stream, 1):
                yield _of_keys(orjson.loads(text), file, line)
    except (OSError, orjson.JSONDecodeError) as error:
        raise DataError(f"cannot be read: {error}", file=file, line=line or None) from None


def _of_keys(row: dict[str, Any], file: Path, line: int) -> Predicted:
    location: str | None = row.get("image")
    fault = row.get("error")
    name = row.get("file_name") or location or ""
    if location is None:
        fault = fault or "the picture was sent inline: there is no file of it"
    label, score, placed = row.get("label"), row.get("score"), location is not None
    return Predicted(location or name, name, label, score, fault, str(file), line, placed)


def _of_csv(file: Path, summary: dict[str, Any]) -> Iterator[Predicted]:
    """Rows of Azure's CSV (docs/contracts.md 8.4): number, probabilities, labels, name of the file. It names pictures
    as they are called below the inputs, which are looked through again."""
    places = _places(summary)
    embeddings = summary.get("task") == EMBEDDINGS
    line = 0
    try:
        with file.open("r", encoding="utf-8", newline="") as stream:
            for line, row in enumerate(long_csv.reader(stream, strict=True), 1):
                if line == 1 and row[:1] == ["row_number_per_file"]:
                    continue
                name = row[-1]
                label, score = (None, None) if embeddings else _surest(row[1], row[2])
                placed = name in places
                fault = None if placed else _NOT_PLACED
                place = places.get(name, name)
                yield Predicted(place, name, label, score, fault, str(file), line, placed)
    except (OSError, UnicodeDecodeError, ValueError, IndexError, long_csv.Error) as error:
        raise DataError(f"cannot be read: {error}", file=file, line=line or None) from None


def _surest(preds: str, labels: str) -> tuple[str | None, float | None]:
    """The likeliest label of a CSV's two lists, and its probability."""
    numbers = orjson.loads(preds) if preds else []
    if not numbers:
        return None, None
    place = max(range(len(numbers)), key=numbers.__getitem__)
    return str(_labels(labels)[place]), float(numbers[place])


@lru_cache(64)
def _labels(text: str) -> list[Any]:
    """Rows of one model have the same list."""
    try:
        return list(ast.literal_eval(text))
    except (SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{text[:100]!r} is no list of labels") from None


def _places(summary: dict[str, Any]) -> dict[str, str]:
    """Where the pictures of a batch's inputs lie, by the names that its CSV calls them; as far as they are there."""
    inputs = summary.get("identity", {}).get("inputs", {})
    places: dict[str, str] = {}
    for key, reference in inputs.items():
        prefix = f"{key}/" if len(inputs) > 1 else ""
        try:
            for found in find_inputs(reference, Counter()):
                if found.kind == "image":
                    places[prefix + found.name] = found.path
        except UsageError:
            # Moved away since: what was predicted is shown all the same.
            continue
    return places
