"""Assistants in a process of their own, as the server asks them: what every request needs is at hand here,
and everything else is asked for."""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any

from tintype.compute.python_process import start_python_process
from tintype.errors import OutputError, RequestError
from tintype.labelling.assistance.messages import Message, read_message, write_message
from tintype.labelling.assistance.proposed import Group, LikelyError, ProposedLabels, Suggestion
from tintype.labelling.database import Database
from tintype.labelling.picture_files import note_contents

__all__ = ["AssistantApart", "AssistantsApart"]

_LOG = logging.getLogger(__name__)

_PROGRAM = "tintype.labelling.assistance.assistants_process"

# A question that people wait for, and one that labelling goes on without an answer to.
_PATIENCE_SECONDS, _HURRY_SECONDS = 30.0, 2.0

# Labels that come within so many seconds are told together.
_GATHER_SECONDS = 0.1

# A process that has ended is started again after so many seconds; one that is not told so often that
# somebody works in a project forgets it.
_AGAIN_SECONDS, _TOLD_SECONDS = 5.0, 60.0


@dataclass(frozen=True)
class _News:
    """What an assistant told last."""

    status: dict[str, Any] = field(
        default_factory=lambda: {
            "features": 0,
            "labelled": 0,
            "suggestions_from": None,
            "accuracy": None,
        }
    )
    queue: tuple[int, ...] = ()
    proposed: ProposedLabels | None = None
    fault: str | None = None


class AssistantsApart:
    """See `background.Assistants`; the process is started when a project is first asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._news: dict[str, _News] = {}
        self._opened: dict[str, float] = {}
        self._waiting: dict[int, Future[list[Any]]] = {}
        self._numbers = itertools.count()
        self._ended_at = -_AGAIN_SECONDS
        self._news_waits = self._closed = False
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None

    def of(self, name: str) -> AssistantApart:
        """See `Assistants`; there is always one to ask, which may have nothing to say."""
        now = time.monotonic()
        if now - self._opened.get(name, -_TOLD_SECONDS) >= _TOLD_SECONDS:
            with self._lock:
                if self._is_there(now):
                    self._opened[name] = now
                    self._outgoing.put(Message({"what": "open", "project": name}))
        return AssistantApart(self, name)

    def fault(self, name: str) -> str | None:
        """See `Assistants`."""
        return self.news(name).fault

    def wake(self) -> None:
        """See `Assistants`."""
        # Every action wakes: what costs something is done by the thread that writes.
        self._news_waits = True

    def look_for_pictures(self) -> None:
        """See `Assistants`."""
        self._outgoing.put(Message({"what": "pictures"}))

    def close(self) -> None:
        """End the process, whatever it is at: what it has kept is whole."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        if self._reader is not None:
            self._reader.join()

    def news(self, name: str) -> _News:
        """What the assistant of a project told last."""
        return self._news.get(name, _News())

    def ask(self, project: str, what: str, *given: Any, patience: float) -> list[Any]:
        """The answer of a project's assistant.

        Raises:
            RequestError: what it has against the question; 503 where it does not answer in time.
        """
        number, answer = next(self._numbers), Future[list[Any]]()
        self._waiting[number] = answer
        question = {"what": "ask", "number": number, "project": project, "ask": what}
        self._outgoing.put(Message({**question, "given": given}))
        try:
            return answer.result(patience)
        except FutureTimeoutError:
            raise RequestError("the assistant is busy; try again shortly", status=503) from None
        finally:
            self._waiting.pop(number, None)

    def _is_there(self, now: float) -> bool:
        """Whether the process runs, or was started just now."""
        if self._process is not None:
            return True
        if self._closed or now - self._ended_at < _AGAIN_SECONDS:
            return False
        uri = self._database.engine.url.render_as_string(hide_password=False)
        store = {"TINTYPE_LABELLING_DATABASE": uri}
        self._process = process = start_python_process(
            _PROGRAM, environment=store, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        # What was asked of one that has ended is asked no more.
        outgoing: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._outgoing = outgoing
        threading.Thread(target=self._write, args=(process, outgoing), daemon=True).start()
        self._reader = threading.Thread(target=self._read, args=(process, outgoing), daemon=True)
        self._reader.start()
        return True

    def _write(
        self, process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[Message | None]
    ) -> None:
        """In a thread: nobody who has news waits for a process that is slow to read."""
        assert process.stdin is not None
        try:
            while True:
                with contextlib.suppress(queue.Empty):
                    message = outgoing.get(timeout=_GATHER_SECONDS)
                    if message is None:
                        break
                    write_message(process.stdin, message)
                if self._news_waits:
                    self._news_waits = False
                    write_message(process.stdin, Message({"what": "wake"}))
            process.stdin.close()
        except (OSError, ValueError):
            # It has ended, or its input was closed; the thread that reads tells so.
            return

    def _read(
        self, process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[Message | None]
    ) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            while (message := read_message(stream)) is not None:
                self._hear(message)
        code = process.wait()
        outgoing.put(None)
        with self._lock:
            self._process, self._ended_at = None, time.monotonic()
            self._opened.clear()
            waiting, self._waiting = self._waiting, {}
        reason = f"the process of the assistants ended with {code}; another one is started"
        for answer in waiting.values():
            answer.set_exception(RequestError(reason, status=503))
        if not self._closed:
            _LOG.warning(reason)

    def _hear(self, message: Message) -> None:
        words = message.words
        if words["what"] == "news":
            self._news[words["project"]] = _news_of(message)
        elif words["what"] == "answer":
            answer = self._waiting.pop(words["number"], None)
            if answer is None:
                return
            if "error" in words:
                answer.set_exception(RequestError(words["error"], status=words["status"]))
            else:
                answer.set_result(words["found"])
        else:
            self._note(words)

    def _note(self, words: Mapping[str, Any]) -> None:
        try:
            with self._database.writing() as connection:
                note_contents(connection, dict(words["digests"]), words["unreadable"])
        except OutputError as error:
            # Nothing depends on it: it is found again when the server is started anew.
            _LOG.warning("the assistant of project %s: %s", words["project"], error)


class AssistantApart:
    """See `assistant.Assistant`."""

    def __init__(self, assistants: AssistantsApart, name: str) -> None:
        self._assistants, self._name = assistants, name

    def order(self, kind: str) -> Sequence[int]:
        """See `Assistant`; nothing where that takes too long, for labelling goes on."""
        if kind == "auto":
            return self._assistants.news(self._name).queue
        try:
            return self._ask("order", kind, patience=_HURRY_SECONDS)
        except RequestError:
            return []

    def suggestions(self, pictures: Sequence[int]) -> dict[int, Suggestion]:
        """See `Assistant`."""
        proposed = self._assistants.news(self._name).proposed
        if proposed is None:
            return {}
        found = proposed.of_pictures(pictures)
        others = [number for number in pictures if number not in found]
        if others:
            try:
                answers = self._ask("suggestions", others, patience=_HURRY_SECONDS)
            except RequestError:
                return found
            for one in answers:
                found[one["picture"]] = Suggestion(**{**one, "labels": tuple(one["labels"])})
        return found

    def confident(self, label: int | None, least: float, limit: int) -> list[Suggestion]:
        """See `Assistant`."""
        proposed = self._assistants.news(self._name).proposed
        return [] if proposed is None else proposed.surest(label, least, limit)

    def similar(self, picture: int, limit: int) -> list[int]:
        """See `Assistant`."""
        return self._ask("similar", picture, limit)

    def groups(self) -> list[Group]:
        """See `Assistant`."""
        return [Group(tuple(one["pictures"]), one["tightness"]) for one in self._ask("groups")]

    def likely_errors(self, limit: int) -> list[LikelyError]:
        """See `Assistant`."""
        return [
            LikelyError(
                one["picture"], tuple(one["given"]), tuple(one["proposed"]), one["confidence"]
            )
            for one in self._ask("likely_errors", limit)
        ]

    def status(self) -> dict[str, Any]:
        """See `Assistant`."""
        return self._assistants.news(self._name).status

    def _ask(self, what: str, *given: Any, patience: float = _PATIENCE_SECONDS) -> list[Any]:
        return self._assistants.ask(self._name, what, *given, patience=patience)


def _news_of(message: Message) -> _News:
    words = message.words
    if "status" not in words:
        return _News(fault=words["fault"])
    arrays = dict(message.arrays)
    queue, proposed = tuple(arrays.pop("queue").tolist()), None
    if arrays:
        classes, source = tuple(words["classes"]), words["source"]
        proposed = ProposedLabels(classes=classes, source=source, **arrays)
    return _News(words["status"], queue, proposed, words["fault"])
