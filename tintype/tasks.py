"""Tasks in other processes: what a pool of workers is, wherever they run.

A task is a JSON document handed to a function in a worker; while it runs it sends JSON messages,
and it can be asked to stop. Nothing is pickled by us. `compute.local_pool` keeps processes on this
machine, `compute.ray_pool` places tasks on a Ray cluster; a worker that dies takes its own task with
it and no other. Whoever has work to place (`automl.sweep`) knows only the protocol here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ["Function", "Message", "Stop", "TaskContext", "TaskPool", "load_function"]

Stop = Literal["finish", "cancel", "terminate"]
"""finish: end soon with what is best so far. cancel: end now, to be resumed. terminate: end now,
for good."""


@dataclass(frozen=True)
class Message:
    """What a pool heard of a task."""

    task: str
    kind: Literal["message", "done", "lost"]
    """message: sent by the task. done: its result. lost: its worker died."""
    body: dict[str, Any]
    """lost: {"reason": ...}."""


class TaskContext(Protocol):
    """What a task's function is given beside its document."""

    def send(self, body: dict[str, Any]) -> None:
        """Tell the pool's owner something."""

    def stop(self) -> Stop | None:
        """How the task was asked to end, if it was."""


Function = Callable[[dict[str, Any], TaskContext], dict[str, Any]]
"""A task's function: (document, context) -> result, both JSON-able."""


class TaskPool(Protocol):
    """A fixed number of places where tasks run."""

    def free(self) -> int:
        """Tasks that could be started now."""

    def start(self, task: str, document: dict[str, Any]) -> None:
        """Run `document` under the name `task`, in a free place."""

    def wait(self, seconds: float) -> list[Message]:
        """What has been heard, after at most so long."""

    def stop(self, task: str, how: Stop) -> None:
        """Ask a task to end."""

    def kill(self, task: str) -> None:
        """End a task's worker at once; `lost` is heard of it."""

    def close(self) -> None:
        """End all workers."""


def load_function(name: str) -> Function:
    """The function called "package.module:function"."""
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    return function
