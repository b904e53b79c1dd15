"""Labels that came later: which collected pictures they are of.

A file names pictures by their request (`request_id`, and `row` where a request had several), or by what they are: any layout of
docs/data.md, whose pictures have the same bytes as those that were collected.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.errors import DataError, UsageError
from tintype.monitoring.watched import Watched
from tintype.schemas.task import MULTILABEL
from tintype.workspace.collected import collected_folder, read_collected
from tintype.workspace.monitors import LaterLabels, RowKey
from tintype.workspace.runs import now

__all__ = ["MatchedLabels", "match_labels", "refuse_unknown"]

_NAMED_IN_MESSAGES = 3


@dataclass(frozen=True)
class MatchedLabels:
    """Labels and the collected pictures that they are of."""

    labels: dict[RowKey, LaterLabels]
    unknown: list[str]
    """Where the file names pictures that were not collected."""


@dataclass(frozen=True)
class _Given:
    """One row of the file."""

    labels: list[str]
    where: str
    """File and line."""
    request_id: str | None = None
    row: int = 0
    digest: str | None = None
    """SHA-256 of the picture's bytes."""


def match_labels(path: Path, watched: Watched, *, label_column: str = "label") -> MatchedLabels:
    """Read a file of labels and find the pictures that `watched` collected.

    Args:
        path: .csv or .jsonl with `request_id` (and `row`, from 0), or labelled pictures.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
        UsageError: the deployment collects small copies or no pictures, and the file names pictures.
    """
    given = list(_read(path, watched, label_column))
    _check_labels(given, watched)
    by_request = {(each.request_id, each.row): each for each in given if each.digest is None}
    by_digest = {each.digest: each for each in given if each.digest is not None}
    found: dict[RowKey, LaterLabels] = {}
    met: set[int] = set()
    added = now()
    record = watched.record
    for _, row in read_collected(collected_folder(record.endpoint, record.name)):
        wanted = by_request.get((row.request_id, row.row))
        if wanted is None and row.picture is not None:
            wanted = by_digest.get(Path(row.picture).stem)
        if wanted is None:
            continue
        met.add(id(wanted))
        if row.label is not None:
            key = (row.request_id, row.row)
            found[key] = LaterLabels(wanted.labels, row.label, row.time.isoformat(), added)
    if met and not found:
        raise UsageError(
            f"{watched.name} collected these pictures without answers: accuracy needs "
            "data_collector.collections.model_outputs.enabled=true"
        )
    return MatchedLabels(found, [each.where for each in given if id(each) not in met])


def refuse_unknown(matched: MatchedLabels, watched: Watched) -> None:
    """
    Raises:
        DataError: always; says which pictures were not collected, and what to do.
    """
    unknown = matched.unknown
    shown = ", ".join(unknown[:_NAMED_IN_MESSAGES])
    more = (
        f" and {len(unknown) - _NAMED_IN_MESSAGES} more"
        if len(unknown) > _NAMED_IN_MESSAGES
        else ""
    )
    advice = (
        "; --ignore-unknown takes the others"
        if matched.labels
        else f"; {watched.name} may have deleted them (keep_days), or sampled others (sampling_rate)"
    )
    raise DataError(
        f"{len(unknown)} labels are of pictures that {watched.name} did not collect: {shown}{more}. "
        f"Nothing was taken{advice}"
    )


def _read(path: Path, watched: Watched, label_column: str) -> Iterator[_Given]:
    rows = _named_by_request(path, label_column)
    if rows is not None:
        yield from rows
        return
    table = read_image_table(path, label_column=label_column)
    collector = watched.document.data_collector
    if collector is not None and collector.picture != "original":
        raise UsageError(
            f"{watched.name} keeps {collector.picture} of pictures, which cannot be found by their "
            f"bytes: name them by request_id and row in {path}"
        )
    for row in range(len(table)):
        yield _of_picture(table, row)


def _of_picture(table: ImageTable, row: int) -> _Given:
    file, line = table.origin(row)
    location = table.location(row)
    if table.task is None:
        raise DataError("the picture has no label", file=file, line=line, field=table.label_column)
    try:
        with open(location, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{location} cannot be read: {error.strerror}", file=file, line=line
        ) from None
    label = table.label(row)
    labels = list(label) if table.task == MULTILABEL else [str(label)]
    where = f"{location}" if line is None else f"{file}:{line}"
    return _Given(labels, where, digest=digest)


def _named_by_request(path: Path, label_column: str) -> Iterator[_Given] | None:
    """Rows of a file that names requests; None where it is none."""
    if not path.is_file() or path.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        return None
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as stream:
                names = csv.DictReader(stream).fieldnames or ()
            return _checked(path, _csv_rows(path), label_column) if "request_id" in names else None
        with path.open(encoding="utf-8-sig") as stream:
            first = json.loads(stream.readline() or "{}")
        known = isinstance(first, dict) and "request_id" in first
        return _checked(path, _json_rows(path), label_column) if known else None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot be read: {error}", file=path) from None


def _csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        for row in reader:
            yield reader.line_num, row


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    raise DataError(f"not JSON: {error}", file=path, line=number) from None


def _checked(path: Path, rows: Iterator[tuple[int, Any]], label_column: str) -> Iterator[_Given]:
    for line, row in rows:
        if not isinstance(row, dict):
            raise DataError("expected an object with request_id and a label", file=path, line=line)
        request_id, label = row.get("request_id"), row.get(label_column)
        given: list[Any] = label if isinstance(label, list) else [label]
        labels = [each for each in given if isinstance(each, str) and each]
        if not isinstance(request_id, str) or not request_id:
            raise DataError("a request's id is required", file=path, line=line, field="request_id")
        if not labels or len(labels) < len(given):
            raise DataError(
                f"{label!r} given; expected a label or a list of labels",
                file=path,
                line=line,
                field=label_column,
            )
        try:
            number = int(row.get("row") or 0)
        except (TypeError, ValueError):
            raise DataError(
                f"{row.get('row')!r} given; expected the picture's place in its request, from 0",
                file=path,
                line=line,
                field="row",
            ) from None
        yield _Given(labels, f"{path}:{line}", request_id, number)


def _check_labels(given: list[_Given], watched: Watched) -> None:
    """
    Raises:
        DataError: there are none, or the model knows none of them: they are labels of something else.
    """
    if not given:
        raise DataError("there are no labels in it")
    classes = watched.known_classes()
    if classes is None:
        return
    known = set(classes)
    if not any(known & set(each.labels) for each in given):
        raise DataError(
            f"{given[0].where}: {given[0].labels[0]!r} is no label of {watched.name}, and none of the "
            f"others is; its labels are {', '.join(classes[:10])}"
        )
