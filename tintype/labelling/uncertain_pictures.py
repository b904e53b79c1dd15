"""The pictures that a model's answers are least certain of, of what an endpoint recorded or a batch wrote.

First those that two deployments answered differently, as one with mirror traffic and the live one do, then by
the margin of the likeliest two labels (Settles 2009, section 3.1). A picture that came several times, or to several
deployments, is taken once; so is one that a project has already. Whoever knows better what to label, such as a monitor
of drift, names requests, and of these pictures are taken first.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tintype.errors import DataError, UsageError
from tintype.labelling.assistance.orders import margin
from tintype.labelling.sources import SourcePicture, suggested_pictures
from tintype.schemas.task import ClassificationTask
from tintype.workspace.collected import CollectedRow, is_collected, read_collected

__all__ = ["read_request_ids", "uncertain_pictures"]

# What `write_picture` calls a file: the SHA-256 of its content.
_RECORDED = re.compile(r"[0-9a-f]{64}\.\w+")

_MOST_REQUESTS_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True)
class _Candidate:
    """A picture, and why it may be worth a label."""

    picture: SourcePicture
    asked_for: bool = False
    disputed: bool = False
    uncertainty: float = 0.0
    """0 to 1."""

    @property
    def rank(self) -> tuple[bool, bool, float]:
        return not self.asked_for, not self.disputed, -self.uncertainty


def uncertain_pictures(
    path: Path,
    count: int,
    task: ClassificationTask,
    *,
    known: Collection[str] = (),
    requests: Collection[str] = (),
) -> list[SourcePicture]:
    """At most `count` pictures, the most worth a label first, with what was answered for them.

    Args:
        path: what an endpoint or a deployment recorded, or the output of a batch.
        known: locations of pictures that are not to be taken again.
        requests: ids of requests whose pictures go before all others.

    Raises:
        DataError: there is no picture, or no answer, from which that could be told.
    """
    known_keys = {_key(location) for location in known}
    found = _of_endpoint(path, task, requests) if is_collected(path) else _of_answers(path)
    if not found:
        raise DataError(
            "no answer with its picture was recorded, of which it could be told how certain it is; an endpoint "
            "records them by data_collector with model_inputs and model_outputs",
            file=path,
        )
    fresh = [each for key, each in found.items() if key not in known_keys]
    return [each.picture for each in sorted(fresh, key=lambda each: each.rank)[:count]]


def read_request_ids(path: Path) -> frozenset[str]:
    """Ids of requests from a text file, one a line; empty lines and what follows a tab are passed over.

    Raises:
        UsageError: it cannot be read, or there is none in it.
    """
    try:
        if path.stat().st_size > _MOST_REQUESTS_BYTES:
            raise UsageError(f"{path}: more than 100 MB; expected a request id a line")
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    ids = frozenset(line.split("\t")[0].strip() for line in lines) - {""}
    if not ids:
        raise UsageError(f"{path}: there is no request id in it; expected one a line")
    return ids


def _key(location: str) -> str:
    """What tells a picture from others: recorded ones are called by their content."""
    name = location.rsplit("/", 1)[-1]
    return name if _RECORDED.fullmatch(name) else location


def _of_endpoint(
    path: Path, task: ClassificationTask, requests: Collection[str]
) -> dict[str, _Candidate]:
    newest: dict[str, dict[str, tuple[Path, CollectedRow]]] = {}
    asked_for = set()
    for folder, row in read_collected(path):
        if row.picture is None or row.label is None:
            continue
        key = _key(str(folder / row.picture))
        newest.setdefault(key, {})[row.deployment] = (folder, row)
        if row.request_id in requests:
            asked_for.add(key)
    found = {}
    for key, by_deployment in newest.items():
        there = [
            (folder / row.picture, row)
            for folder, row in by_deployment.values()
            if row.picture is not None and (folder / row.picture).is_file()
        ]
        if not there:
            # Too old, and deleted.
            continue
        location, last = max(there, key=lambda each: each[1].time)
        name = f"{last.time:%Y-%m-%d}/{location.name}"
        labels = None if last.label is None else (last.label,)
        found[key] = _Candidate(
            SourcePicture(str(location), name, labels, last.score),
            key in asked_for,
            len({row.label for _, row in there}) > 1,
            max(_uncertainty(row, task) for _, row in there),
        )
    return found


def _uncertainty(row: CollectedRow, task: ClassificationTask) -> float:
    if row.probabilities is None or len(row.probabilities) == 0:
        return 1.0 - (row.score or 0.0)
    return float(margin(np.asarray(row.probabilities, np.float64)[None], task)[0])


def _of_answers(path: Path) -> dict[str, _Candidate]:
    """Of a batch: by the likeliest label's probability."""
    return {
        _key(picture.location): _Candidate(picture, uncertainty=1.0 - picture.confidence)
        for picture in suggested_pictures(path)
        if picture.confidence is not None
    }
