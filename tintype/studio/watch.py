"""What changes in the workspace, told to the pages that look at it.

One task looks once a second, and only while a page is open, at files whose change means something: pages poll
nothing. What it tells is which part of what is another one; the page asks for that by the ordinary routes.

Topics: `runs` (any run), `labelling` (any labelling project, its part is `list`), `run:NAME` (its `record`, `log`, `trials`, `graph`, `metrics`, `children`) and `table:KEY`
(the work on a table: `reading`, `inspection`, `map`); those of endpoints are in `endpoint_watch`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tintype.errors import RequestError, TintypeError
from tintype.files import file_stamp
from tintype.jobs.automl.status import FILE as TRIALS_FILE
from tintype.jobs.pipeline.status import FILE as GRAPH_FILE
from tintype.studio.endpoint_watch import EndpointWatch
from tintype.studio.stamps import Stamps, changed_parts
from tintype.studio.tables.kept import is_key, table_stamps
from tintype.workspace.endpoints import is_endpoint_name
from tintype.workspace.metric_history import logged_stamp
from tintype.workspace.run_index import Changes, RunIndex
from tintype.workspace.runs import ACTIVE, RunStore

__all__ = ["Event", "Watch", "check_topics"]

_LOOK_SECONDS = 1.0
_BEAT_SECONDS = 15.0

# Pages that may be open at once; each holds a connection.
_MOST_LISTENERS = 100
_MOST_TOPICS = 20

_FILES = {"log": "log.txt", "trials": TRIALS_FILE, "graph": GRAPH_FILE}

Event = dict[str, Any]
"""`{"topic": "run:NAME", "parts": ["log"]}`, or `{"beat": True}`."""


@dataclass(eq=False)
class _Listener:
    topics: frozenset[str]
    news: dict[str, set[str]] = field(default_factory=dict)
    """Parts by topic that are not told yet: however slow a page reads, it is no more than that."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, topic: str, parts: set[str]) -> None:
        self.news.setdefault(topic, set()).update(parts)
        self.ready.set()


class Watch:
    """Looks at the workspace for as long as somebody listens."""

    def __init__(
        self,
        runs: RunIndex,
        labelling: Callable[[], Any] = lambda: None,
        store: RunStore | None = None,
    ) -> None:
        """
        Args:
            labelling: another value whenever something of the labelling projects has changed.
        """
        self._runs, self._labelling, self._store = runs, labelling, store or RunStore()
        self._endpoints = EndpointWatch()
        self._listeners: set[_Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._looking = asyncio.Lock()
        self._revision = 0
        self._stamps: dict[str, Stamps] = {}

    def end(self) -> None:
        """End every stream: the server stops."""
        self._ending.set()
        for listener in self._listeners:
            listener.ready.set()

    async def events(self, topics: Sequence[str]) -> AsyncIterator[Event]:
        """What changes from now on; without news, a beat every quarter of a minute.

        Raises:
            RequestError: 503, too many listen already.
        """
        if len(self._listeners) >= _MOST_LISTENERS:
            raise RequestError("too many pages are open", status=503)
        listener = _Listener(frozenset(topics))
        self._listeners.add(listener)
        try:
            # What changes from the first answer on is told, so the look that it is compared with comes before.
            await self._look_and_tell()
            listener.news.clear()
            listener.ready.clear()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look_again_and_again())
            yield {"beat": True}
            while not self._ending.is_set():
                try:
                    await asyncio.wait_for(listener.ready.wait(), _BEAT_SECONDS)
                except TimeoutError:
                    yield {"beat": True}
                    continue
                listener.ready.clear()
                news, listener.news = listener.news, {}
                for topic, parts in news.items():
                    yield {"topic": topic, "parts": sorted(parts)}
        finally:
            self._listeners.discard(listener)

    async def _look_again_and_again(self) -> None:
        while self._listeners and not self._ending.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._look_and_tell()
            except Exception:
                # One look that fails, such as of a record that nobody foresaw, is not the last.
                logging.getLogger("tintype").exception("a look at the workspace failed")

    async def _look_and_tell(self) -> None:
        async with self._looking:
            topics = {topic for listener in self._listeners for topic in listener.topics}
            for topic, parts in (await asyncio.to_thread(self._look, topics)).items():
                for listener in self._listeners:
                    if topic in listener.topics:
                        listener.tell(topic, parts)

    def _look(self, topics: set[str]) -> dict[str, set[str]]:
        revision = self._runs.refresh()
        changes = self._runs.changes_since(self._revision)
        self._revision = revision
        self._stamps = {topic: known for topic, known in self._stamps.items() if topic in topics}
        found = self._endpoints.look(topics)
        if changes.changed or changes.removed:
            found["runs"] = {"list"}
        for topic in topics:
            kind, _, name = topic.partition(":")
            if kind == "run":
                parts = self._look_at_run(topic, name, changes)
            elif kind == "table":
                parts = self._changed(topic, table_stamps(name))
            elif kind == "labelling":
                parts = self._changed(topic, {"list": self._labelling()})
            else:
                continue
            if parts:
                found[topic] = parts
        return found

    def _look_at_run(self, topic: str, name: str, changes: Changes) -> set[str]:
        parts: set[str] = set()
        if name in changes.changed | changes.removed:
            parts.add("record")
        folder = self._store.path(name)
        stamps: Stamps = {part: file_stamp(folder / file) for part, file in _FILES.items()}
        try:
            record = self._runs.get(name)
            children = [other for other in changes.changed if self._runs.get(other).parent == name]
            if record.status in ACTIVE and record.mlflow_run_id is not None:
                stamps["metrics"] = logged_stamp(record.mlflow_run_id)
        except TintypeError:
            children = []
        if children:
            parts.add("children")
        return parts | self._changed(topic, stamps)

    def _changed(self, topic: str, stamps: Stamps) -> set[str]:
        before = self._stamps.get(topic, stamps)
        self._stamps[topic] = stamps
        return changed_parts(before, stamps)


def check_topics(topics: Sequence[str]) -> None:
    """
    Raises:
        RequestError: 400, too many, or one that there is not.
    """
    if len(topics) > _MOST_TOPICS:
        raise RequestError(f"{len(topics)} topics given; at most {_MOST_TOPICS}")
    for topic in topics:
        kind, _, name = topic.partition(":")
        if kind == "run" and name:
            RunStore().path(name)
        elif (kind == "endpoint" and is_endpoint_name(name)) or (kind == "table" and is_key(name)):
            continue
        elif topic not in ("runs", "endpoints", "labelling"):
            raise RequestError(
                f"topic {topic!r}: expected runs, run:NAME, endpoints, endpoint:NAME, labelling or "
                "table:KEY"
            )
