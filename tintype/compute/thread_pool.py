"""Threads of this process as a pool, for tasks that wait for processes of their own."""

from __future__ import annotations

import queue
import threading
from typing import Any

from tintype.tasks import Function, Message, Stop

__all__ = ["ThreadPool"]


class _Context:
    """See `TaskContext`."""

    def __init__(self, task: str, messages: queue.Queue[Message]) -> None:
        self.how: Stop | None = None
        self._task, self._messages = task, messages

    def send(self, body: dict[str, Any]) -> None:
        self._messages.put(Message(self._task, "message", body))

    def stop(self) -> Stop | None:
        return self.how


class ThreadPool:
    """See `TaskPool`. A task's function must end soon when its context says stop: it cannot be killed."""

    def __init__(self, function: Function, size: int) -> None:
        """
        Args:
            function: called for each task, in several threads at once.
            size: tasks at the same time.
        """
        self._function, self._size = function, size
        self._messages: queue.Queue[Message] = queue.Queue()
        self._running: dict[str, tuple[threading.Thread, _Context]] = {}

    def free(self) -> int:
        """See `TaskPool`."""
        return self._size - len(self._running)

    def start(self, task: str, document: dict[str, Any]) -> None:
        """See `TaskPool`."""
        context = _Context(task, self._messages)
        thread = threading.Thread(target=self._run, args=(task, document, context), daemon=True)
        self._running[task] = thread, context
        thread.start()

    def wait(self, seconds: float) -> list[Message]:
        """See `TaskPool`."""
        found: list[Message] = []
        try:
            found.append(self._messages.get(timeout=seconds))
            while True:
                found.append(self._messages.get_nowait())
        except queue.Empty:
            pass
        for message in found:
            if message.kind != "message":
                self._running.pop(message.task, None)
        return found

    def stop(self, task: str, how: Stop) -> None:
        """See `TaskPool`."""
        if task in self._running:
            self._running[task][1].how = how

    def kill(self, task: str) -> None:
        """See `TaskPool`; a thread is asked, and ends when its function does."""
        self.stop(task, "cancel")

    def close(self) -> None:
        """See `TaskPool`."""
        for thread, context in self._running.values():
            context.how = "cancel"
            thread.join()
        self._running.clear()

    def _run(self, task: str, document: dict[str, Any], context: _Context) -> None:
        try:
            body = self._function(document, context)
        except BaseException as error:
            self._messages.put(
                Message(task, "lost", {"reason": f"{type(error).__name__}: {error}"})
            )
            raise
        self._messages.put(Message(task, "done", body))
