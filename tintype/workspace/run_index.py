"""All runs in memory, kept up to date cheaply: lists of ten thousand are filtered, sorted and paged in milliseconds.

The files below `<home>/runs/` stay the truth. A record is read again when its file is another one: of active
runs that is looked at each time, of ended ones now and then, for little changes there.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tintype.errors import UsageError, nearest
from tintype.workspace.runs import ACTIVE, RunRecord, RunStore

__all__ = ["Changes", "RunIndex", "RunPage", "RunQuery", "Sort", "score_of"]

Sort = Literal["created", "name", "status", "type", "experiment", "duration", "score"]

# Looking at all records may take this share of the time.
_SHARE, _LEAST_SECONDS = 0.01, 2.0

# A folder that came so long ago and has no record yet will hardly get one.
_AWAITED_SECONDS = 60.0

_SCORES = ("accuracy", "iou", "f1_score_macro", "AUC_macro")

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Changes:
    """Names of runs since the last look."""

    changed: frozenset[str] = frozenset()
    """New ones, too."""
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RunQuery:
    """Which runs, and in which order."""

    parent: str | None = None
    """None: those that are nobody's children."""
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    search: str = ""
    """Words that all stand in name, display name, experiment, description or tags; in any case."""
    include_archived: bool = False
    sort: Sort = "created"
    descending: bool = True


@dataclass(frozen=True)
class RunPage:
    """Some of the runs that a query finds, and what all of them are."""

    runs: list[RunRecord]
    total: int
    statuses: dict[str, int]
    """Of the runs that the query would find if it asked for no status."""
    types: list[str]
    experiments: list[str]
    """All that there are."""


@dataclass(frozen=True)
class _Known:
    stamp: Stamp
    record: RunRecord
    words: str
    """What is searched."""
    revision: int
    """When it changed last."""


class RunIndex:
    """The runs of a workspace, for a server that lists them often; threads may share it."""

    def __init__(self, store: RunStore | None = None) -> None:
        """None takes the workspace of the settings."""
        self._store = store or RunStore()
        self._lock = threading.RLock()
        self._runs: dict[str, _Known] = {}
        self._awaited: dict[str, float] = {}
        self._folder_stamp: int | None = None
        self._next_sweep = 0.0
        self._revision = 0
        self._removed: dict[str, int] = {}
        self._changing: set[str] = set()

    def refresh(self) -> int:
        """Look at what may have changed; a number that counts up with every change, for `changes_since`."""
        with self._lock:
            began = time.monotonic()
            stamp = _folder_stamp(self._store.folder)
            if stamp != self._folder_stamp:
                self._folder_stamp = stamp
                names = _folders(self._store.folder)
                for name in self._runs.keys() - names:
                    self._forget(name)
                new = names - self._runs.keys() - self._awaited.keys()
                self._awaited.update(dict.fromkeys(new, began + _AWAITED_SECONDS))
            sweep = began >= self._next_sweep
            for name in [*(self._runs if sweep else self._changing), *self._awaited]:
                self._look(name)
            self._awaited = {
                name: until
                for name, until in self._awaited.items()
                if until > began and name not in self._runs
            }
            if sweep:
                took = time.monotonic() - began
                self._next_sweep = time.monotonic() + max(_LEAST_SECONDS, took / _SHARE)
            return self._revision

    def changes_since(self, revision: int) -> Changes:
        """Runs that have changed since `refresh` gave that number, whoever noticed it."""
        with self._lock:
            if revision == self._revision:
                return Changes()
            changed = (name for name, run in self._runs.items() if run.revision > revision)
            removed = (name for name, at in self._removed.items() if at > revision)
            return Changes(frozenset(changed), frozenset(removed))

    def get(self, name: str) -> RunRecord:
        """The run called `name`, as it is now.

        Raises:
            UsageError: there is none.
        """
        with self._lock:
            self._look(name)
            known = self._runs.get(name)
            if known is None:
                self._store.path(name)
                raise UsageError(f"no job named {name!r}.{nearest(name, self._runs)}")
            return known.record

    def active(self) -> list[RunRecord]:
        """Runs that work now and are nobody's children, newest first."""
        return self.page(RunQuery(statuses=ACTIVE, include_archived=True), 0, 1000).runs

    def page(self, query: RunQuery, offset: int, limit: int) -> RunPage:
        """`limit` runs from `offset` on, of those that the query finds."""
        words = query.search.lower().split()
        with self._lock:
            siblings = [
                known
                for known in self._runs.values()
                if known.record.parent == query.parent
                and (query.include_archived or not known.record.archived)
            ]
        types = sorted({known.record.type for known in siblings})
        experiments = sorted({known.record.experiment_name for known in siblings})
        found = [
            known.record
            for known in siblings
            if (not query.types or known.record.type in query.types)
            and (not query.experiments or known.record.experiment_name in query.experiments)
            and all(word in known.words for word in words)
        ]
        counts = Counter(record.status for record in found)
        if query.statuses:
            found = [record for record in found if record.status in query.statuses]
        # Equal ones stay in the order of their making.
        found.sort(key=lambda record: record.created_at, reverse=True)
        if query.sort != "created" or not query.descending:
            found = _sorted(found, query.sort, query.descending)
        return RunPage(found[offset : offset + limit], len(found), dict(counts), types, experiments)

    def _look(self, name: str) -> None:
        """Read the record of `name` if it is another one; forget the run where there is none."""
        try:
            status = os.stat(self._store.path(name) / "run.json")
        except (OSError, UsageError):
            self._forget(name)
            return
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._runs.get(name)
        if known is not None and known.stamp == stamp and known.record.status not in ACTIVE:
            return
        try:
            # Of an active one, also whether its worker lives.
            record = self._store.get(name)
        except UsageError:
            # Half a record, or a later Tintype's: what was known of it stays.
            return
        if known is None or known.stamp != stamp or known.record != record:
            self._revision += 1
            self._runs[name] = _Known(stamp, record, _words(record), self._revision)
            self._removed.pop(name, None)
            (self._changing.add if _may_change(record) else self._changing.discard)(name)

    def _forget(self, name: str) -> None:
        if self._runs.pop(name, None) is not None:
            self._revision += 1
            self._removed[name] = self._revision
            self._changing.discard(name)


def score_of(record: RunRecord) -> tuple[str, float] | None:
    """The metric by which a finished run is looked at, and its value; None where it has none."""
    for name in (*_SCORES, *record.metrics):
        if name in record.metrics:
            return name, record.metrics[name]
    return None


def _folder_stamp(folder: os.PathLike[str]) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _folders(folder: os.PathLike[str]) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".")}
    except OSError:
        return set()


def _may_change(record: RunRecord) -> bool:
    return record.status in ACTIVE or record.status == "NotStarted"


def _words(record: RunRecord) -> str:
    texts: Iterable[str | None] = (
        record.name,
        record.display_name,
        record.experiment_name,
        record.description,
        record.registered_model,
        *(f"{key}={value}" for key, value in record.tags.items()),
    )
    return "\n".join(text for text in texts if text).lower()


def _sorted(records: list[RunRecord], sort: Sort, descending: bool) -> list[RunRecord]:
    """What has no value comes last, either way."""

    def value(record: RunRecord) -> str | float | None:
        if sort == "score":
            score = score_of(record)
            return None if score is None else score[1]
        if sort == "duration":
            return _seconds(record)
        return {
            "created": record.created_at,
            "name": record.display_name.lower(),
            "status": record.status,
            "type": record.type,
            "experiment": record.experiment_name.lower(),
        }[sort]

    valued = [(value(record), record) for record in records]
    some = [pair for pair in valued if pair[0] is not None]
    some.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type, return-value]
    return [record for _, record in some] + [record for found, record in valued if found is None]


def _seconds(record: RunRecord) -> float | None:
    from datetime import UTC, datetime

    if record.started_at is None:
        return None
    ended = datetime.fromisoformat(record.ended_at) if record.ended_at else datetime.now(UTC)
    return (ended - datetime.fromisoformat(record.started_at)).total_seconds()
