"""Assistants at work: one thread that looks and one that computes features, woken by what people do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from tintype.errors import TintypeError
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.features import Features, PictureFeatures
from tintype.labelling.database import Database
from tintype.labelling.projects import Project, find_project

__all__ = ["Assistants"]

_LOG = logging.getLogger(__name__)

# Without a call, the thread looks at whatever came from other processes so often.
_IDLE_SECONDS = 20.0

# Labels that come faster are learnt together; and for so many times as long as a look took the thread
# does nothing, so that others have the core.
_GATHER_SECONDS, _REST = 0.2, 2.0

# What could not be fetched or loaded is tried again after so many seconds.
_AGAIN_SECONDS = 600.0

# An assistant that nobody has asked for so long is made anew when somebody does.
_UNASKED_SECONDS = 3600.0

FeaturesOf = Callable[[Database, Project], Features]

Told = Callable[[str, Assistant | None, str | None], None]
"""Of a project: its name, its assistant, and what is wrong with it."""


class Assistants:
    """The assistants of the projects that somebody has opened."""

    def __init__(
        self,
        database: Database,
        features_of: FeaturesOf = PictureFeatures,
        told: Told = lambda *_: None,
    ) -> None:
        """
        Args:
            told: called when an assistant has looked again, or has another fault.
        """
        self._database, self._features_of, self._told = database, features_of, told
        self._assistants: dict[str, Assistant] = {}
        self._features: dict[str, Features] = {}
        self._faults: dict[str, dict[str, str]] = {}
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._look, name="assistants", daemon=True),
            threading.Thread(target=self._compute, name="features", daemon=True),
        ]
        self._opened = threading.Event()
        for thread in self._threads:
            thread.start()

    def of(self, name: str) -> Assistant | None:
        """The assistant of a project; None where it has none, for the reason that `fault` gives."""
        with self._lock:
            self._asked[name] = time.monotonic()
            if name in self._assistants:
                return self._assistants[name]
            try:
                with self._database.reading() as connection:
                    project = find_project(connection, name)
                features = self._features_of(self._database, project)
            except TintypeError as error:
                _LOG.warning("project %s has no assistant: %s", name, error)
                self._set_fault(name, "opening", str(error))
                return None
            self._features[name] = features
            self._assistants[name] = made = Assistant(self._database, name, features)
        self._opened.set()
        self._wake.set()
        return made

    def fault(self, name: str) -> str | None:
        """Why a project has no assistant, or its features cannot be computed."""
        return next(iter(self._faults.get(name, {}).values()), None)

    def wake(self) -> None:
        """There is news: labels, or pictures."""
        self._wake.set()

    def look_for_pictures(self) -> None:
        """Pictures have come, or have changed."""
        self._opened.set()
        self._wake.set()

    def close(self) -> None:
        """End the threads; features computed so far are kept."""
        self._stop.set()
        self._wake.set()
        self._opened.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _look(self) -> None:
        rest = _GATHER_SECONDS
        while not self._stop.is_set():
            self._wake.wait(_IDLE_SECONDS)
            self._wake.clear()
            self._stop.wait(rest)
            begun = time.monotonic()
            self._forget_unasked(begun)
            for name, assistant in list(self._assistants.items()):
                if self._stop.is_set():
                    return
                self._guarded(name, "looking", partial(self._refreshed, name, assistant))
            rest = max(_GATHER_SECONDS, _REST * (time.monotonic() - begun))

    def _refreshed(self, name: str, assistant: Assistant) -> None:
        before = assistant.times_read
        if assistant.refresh():
            self._told(name, assistant, self.fault(name))
        if assistant.times_read != before and before:
            # Pictures came; those that were there at first are being computed.
            self._opened.set()

    def _forget_unasked(self, now: float) -> None:
        """Features of projects that nobody works in are not kept in memory."""
        with self._lock:
            for name, asked in list(self._asked.items()):
                if now - asked > _UNASKED_SECONDS:
                    for kept in (self._assistants, self._features, self._faults, self._asked):
                        kept.pop(name, None)

    def _compute(self) -> None:
        while not self._stop.is_set():
            self._opened.wait(_AGAIN_SECONDS)
            self._opened.clear()
            for name, features in list(self._features.items()):
                if not self._stop.is_set():
                    compute = partial(features.compute, self._stop, self._wake.set)
                    self._guarded(name, "features", compute)

    def _guarded(self, name: str, what: str, work: Callable[[], object]) -> None:
        """What goes wrong is told and tried again; it ends no thread that others need."""
        try:
            work()
        except Exception as error:
            if self._stop.is_set():
                return
            _LOG.warning("the assistant of project %s: %s: %s", name, type(error).__name__, error)
            self._set_fault(name, what, str(error))
        else:
            self._set_fault(name, what, None)

    def _set_fault(self, name: str, what: str, fault: str | None) -> None:
        before = self.fault(name)
        faults = self._faults.setdefault(name, {})
        if fault is None:
            faults.pop(what, None)
        else:
            faults[what] = fault
        if self.fault(name) != before:
            self._told(name, self._assistants.get(name), self.fault(name))
