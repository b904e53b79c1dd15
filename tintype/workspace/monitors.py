"""Monitors, what they found, and labels that came later: files below `<home>/monitors/`.

monitors/<name>/monitor.json
monitors/<name>/windows/<number>.json       what each window showed
monitors/<name>/labels.json                 labels of collected pictures
monitors/<name>/baseline/                   what was computed of the baseline (`monitoring.baseline`)
monitors/<name>/report.html
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import locked_folder, write_json
from tintype.schemas.document import written
from tintype.schemas.monitor import MonitorDocument
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["LaterLabels", "Monitor", "MonitorStore", "RowKey"]

RowKey = tuple[str, int]
"""A collected picture: its request's id, and its place in the request."""


@dataclass(frozen=True)
class LaterLabels:
    """What a collected picture shows, by somebody who came later, beside what the model had answered."""

    labels: list[str]
    answer: str
    """The likeliest label."""
    time: str
    """When it was answered, UTC."""
    added: str
    """When the labels came, UTC."""

    @property
    def right(self) -> bool:
        """Whether the answer is one of the labels."""
        return self.answer in self.labels


@dataclass(frozen=True)
class Monitor:
    """One monitor."""

    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    created_at: str = field(default_factory=now)
    last_run_at: str | None = None
    last_window: dict[str, Any] | None = None
    """What the newest window showed."""
    last_error: str | None = None
    """Why the last run ended without a window."""
    alarms: int = 0
    """Windows with an alarm, since it was made."""

    @property
    def checked(self) -> MonitorDocument:
        """The document."""
        return MonitorDocument.model_validate(self.document)

    def shown(self) -> dict[str, Any]:
        """The monitor as commands print it."""
        return {
            **self.document,
            "created_at": self.created_at,
            "last_run_at": self.last_run_at,
            "last_error": self.last_error,
            "windows_with_alarm": self.alarms,
            "last_window": self.last_window,
        }

    def summary(self) -> dict[str, Any]:
        """What of it has room in a line."""
        document, window = self.document, self.last_window or {}
        return {
            "name": self.name,
            "endpoint": document["endpoint"],
            "deployment": document.get("deployment"),
            "last_run_at": self.last_run_at,
            "outcome": window.get("outcome"),
            "windows_with_alarm": self.alarms,
            "last_error": self.last_error,
        }


class MonitorStore:
    """Reads and writes monitors; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "monitors"

    def create(self, document: MonitorDocument) -> Monitor:
        """Keep a new monitor; one of the same name is replaced: its windows and labels stay, what was computed of its
        baseline does not.

        Raises:
            OutputError: the workspace cannot be written, or the monitor runs just now.
        """
        with locked_folder(self.folder(document.name)):
            shutil.rmtree(self.folder(document.name) / "baseline", ignore_errors=True)
            monitor = Monitor(document.name, written(document))
            known = self.windows(document.name)
            if known:
                monitor = replace(monitor, last_window=known[-1], alarms=_alarms(known))
            return self._write(monitor)

    def get(self, name: str) -> Monitor:
        """
        Raises:
            UsageError: there is none of that name; names the nearest.
            OutputError: it cannot be read.
        """
        known = self.names()
        if name not in known:
            raise UsageError(f"there is no monitor {name!r}.{nearest(name, known)}")
        return Monitor(**_read(self.folder(name) / "monitor.json"))

    def names(self) -> list[str]:
        """Names of all of them, sorted."""
        return sorted(path.parent.name for path in self._root.glob("[!.]*/monitor.json"))

    def list(self) -> list[Monitor]:
        """All of them, by name.

        Raises:
            OutputError: one of them cannot be read.
        """
        return [self.get(name) for name in self.names()]

    def change(self, name: str, **changes: Any) -> Monitor:
        """Write changed fields of a monitor.

        Raises:
            UsageError: there is none of that name.
            OutputError: the workspace cannot be written.
        """
        return self._write(replace(self.get(name), **changes))

    def delete(self, name: str) -> None:
        """Forget a monitor with all that it found; what was collected stays.

        Raises:
            UsageError: there is none of that name.
            OutputError: it runs just now.
        """
        self.get(name)
        with locked_folder(self.folder(name)):
            shutil.rmtree(self.folder(name))

    def folder(self, name: str) -> Path:
        """Where everything of a monitor lies."""
        return self._root / name

    def windows(self, name: str) -> Sequence[dict[str, Any]]:
        """What all windows showed, the oldest first.

        Raises:
            OutputError: one of them cannot be read.
        """
        return [_read(path) for path in sorted((self.folder(name) / "windows").glob("[!.]*.json"))]

    def add_window(self, name: str, window: Mapping[str, Any]) -> Monitor:
        """Keep what a window showed.

        Raises:
            OutputError: the workspace cannot be written.
        """
        known = self.windows(name)
        kept = {"number": 1 + (known[-1]["number"] if known else 0), **window}
        write_json(self.folder(name) / "windows" / f"{kept['number']:06}.json", kept)
        return self.change(
            name,
            last_window=kept,
            last_run_at=now(),
            last_error=None,
            alarms=_alarms([*known, kept]),
        )

    def end_of_last(self, name: str) -> datetime.datetime | None:
        """Up to when windows have been looked at; None: there was none."""
        last = self.get(name).last_window
        return None if last is None else datetime.datetime.fromisoformat(last["end"])

    def labels(self, name: str) -> dict[RowKey, LaterLabels]:
        """Labels that came later, by the pictures that they are of.

        Raises:
            OutputError: they cannot be read.
        """
        path = self._labels(name)
        if not path.exists():
            return {}
        return {
            (request, int(row)): LaterLabels(**content)
            for request, rows in _read(path).items()
            for row, content in rows.items()
        }

    def add_labels(self, name: str, labels: Mapping[RowKey, LaterLabels]) -> None:
        """Keep labels of collected pictures; a picture that has some gets others.

        Raises:
            OutputError: the workspace cannot be written, or the monitor runs just now.
        """
        with locked_folder(self.folder(name)):
            content: dict[str, dict[str, Any]] = {}
            for (request, row), given in {**self.labels(name), **labels}.items():
                content.setdefault(request, {})[str(row)] = asdict(given)
            write_json(self._labels(name), content, mode=0o600)

    def _labels(self, name: str) -> Path:
        return self.folder(name) / "labels.json"

    def _write(self, monitor: Monitor) -> Monitor:
        write_json(self.folder(monitor.name) / "monitor.json", asdict(monitor))
        return monitor


def _alarms(windows: Sequence[Mapping[str, Any]]) -> int:
    return sum(bool(window["alarms"]) for window in windows)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot read {path}: {error}") from None
