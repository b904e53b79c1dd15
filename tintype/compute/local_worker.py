"""The process behind a place of `LocalPool`.

python -m tintype.compute.local_worker FD FUNCTION [MODULE ...]
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tintype.tasks import Stop, load_function

__all__ = ["main"]


class _Context:
    """See `TaskContext`."""

    def __init__(self, sending: int) -> None:
        self.task = ""
        self.how: Stop | None = None
        self._sending = sending

    def send(self, body: dict[str, Any]) -> None:
        self.say("message", body)

    def stop(self) -> Stop | None:
        return self.how

    def say(self, kind: str, body: dict[str, Any]) -> None:
        line = json.dumps({"task": self.task, "kind": kind, "body": body}).encode() + b"\n"
        while line:
            line = line[os.write(self._sending, line) :]


def main(sending: int, function_name: str, preload: Sequence[str] = ()) -> None:
    """Import `preload`, then run tasks until the owner is gone."""
    # The owner decides when a task ends; a signal to the whole group is meant for the owner.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    context = _Context(sending)
    documents: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(context, documents), daemon=True).start()
    function = load_function(function_name)
    for module in preload:
        importlib.import_module(module)
    while True:
        line = documents.get()
        context.task = line["task"]
        context.say("done", function(line["document"], context))


def _listen(context: _Context, documents: queue.Queue[dict[str, Any]]) -> None:
    for text in sys.stdin.buffer:
        line = json.loads(text)
        if "stop" in line:
            context.how = line["stop"]
        else:
            # One task at a time: what was asked of the last one is over.
            context.how = None
            documents.put(line)
    # The owner is gone: a training checkpoint is whole or absent, so nothing needs tidying.
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
