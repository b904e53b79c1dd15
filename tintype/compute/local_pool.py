"""Worker processes on this machine that stay for many tasks, so that imports are paid once.

Documents go to a worker's standard input and messages come back through a pipe of their own, one
JSON line each; what a task prints goes to the owner's log. A worker whose owner dies ends at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tintype.compute.python_process import start_python_process
from tintype.settings import get_settings
from tintype.tasks import Message, Stop

__all__ = ["LocalPool"]


@dataclass
class _Worker:
    place: int
    process: subprocess.Popen[bytes]
    receiving: int
    buffer: bytes = b""
    task: str | None = None


class LocalPool:
    """See `TaskPool`."""

    def __init__(self, function: str, size: int, *, preload: Sequence[str] = ()) -> None:
        """
        Args:
            function: "package.module:function", as `tasks.load_function` takes it.
            size: tasks at the same time; CPU threads and GPUs are shared out among them.
            preload: modules that a worker imports before its first task comes; the first worker
                is started for that at once.
        """
        self._function = function
        self._preload = tuple(preload)
        self._size = size
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._lost: deque[Message] = deque()
        if self._preload:
            self._spawn()

    def free(self) -> int:
        """See `TaskPool`."""
        return self._size - sum(worker.task is not None for worker in self._workers)

    def start(self, task: str, document: dict[str, Any]) -> None:
        """See `TaskPool`."""
        worker = next((w for w in self._workers if w.task is None), None) or self._spawn()
        worker.task = task
        self._write(worker, {"task": task, "document": document})

    def wait(self, seconds: float) -> list[Message]:
        """See `TaskPool`."""
        if not self._lost:
            for key, _ in self._selector.select(seconds):
                self._read(key.data)
        messages = list(self._lost)
        self._lost.clear()
        return messages

    def stop(self, task: str, how: Stop) -> None:
        """See `TaskPool`."""
        worker = self._of(task)
        if worker is not None:
            self._write(worker, {"stop": how})

    def kill(self, task: str) -> None:
        """See `TaskPool`."""
        worker = self._of(task)
        if worker is not None:
            worker.process.kill()

    def close(self) -> None:
        """See `TaskPool`."""
        for worker in list(self._workers):
            worker.process.kill()
            worker.process.wait()
            self._forget(worker)
        self._selector.close()

    def _of(self, task: str) -> _Worker | None:
        return next((worker for worker in self._workers if worker.task == task), None)

    def _spawn(self) -> _Worker:
        place = min(set(range(self._size)) - {worker.place for worker in self._workers})
        receiving, sending = os.pipe()
        process = start_python_process(
            "tintype.compute.local_worker",
            [str(sending), self._function, *self._preload],
            environment=self._environment(place),
            stdin=subprocess.PIPE,
            pass_fds=(sending,),
        )
        os.close(sending)
        os.set_blocking(receiving, False)
        worker = _Worker(place, process, receiving)
        self._workers.append(worker)
        self._selector.register(receiving, selectors.EVENT_READ, worker)
        return worker

    def _environment(self, place: int) -> dict[str, str]:
        """A fair share of the machine: threads, and a GPU in turn."""
        settings = get_settings()
        threads = str(max(1, settings.cpu_threads // self._size))
        environment = {
            "TINTYPE_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "PYTHONUNBUFFERED": "1",
        }
        devices = _visible_gpus()
        if devices:
            environment["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]
            sharing = -(-self._size // len(devices))
            environment["TINTYPE_GPU_SHARE"] = str(1 / sharing)
        return environment

    def _write(self, worker: _Worker, line: dict[str, Any]) -> None:
        assert worker.process.stdin is not None
        # A worker that has just died is heard of through its other pipe.
        with contextlib.suppress(OSError):
            worker.process.stdin.write(json.dumps(line).encode() + b"\n")
            worker.process.stdin.flush()

    def _read(self, worker: _Worker) -> None:
        try:
            received = os.read(worker.receiving, 1 << 20)
        except BlockingIOError:
            return
        if not received:
            self._bury(worker)
            return
        *lines, worker.buffer = (worker.buffer + received).split(b"\n")
        for line in lines:
            content = json.loads(line)
            self._lost.append(Message(content["task"], content["kind"], content["body"]))
            if content["kind"] == "done":
                worker.task = None

    def _bury(self, worker: _Worker) -> None:
        code = worker.process.wait()
        if worker.task is not None:
            reason = (
                f"its process was ended by {signal.Signals(-code).name}"
                + (" (is memory short?)" if code == -signal.SIGKILL else "")
                if code < 0
                else f"its process ended with code {code}"
            )
            self._lost.append(Message(worker.task, "lost", {"reason": reason}))
        self._forget(worker)

    def _forget(self, worker: _Worker) -> None:
        self._selector.unregister(worker.receiving)
        os.close(worker.receiving)
        with contextlib.suppress(OSError):
            if worker.process.stdin is not None:
                worker.process.stdin.close()
        self._workers.remove(worker)


def _visible_gpus() -> list[str]:
    """Indices of the GPUs this process may use, without starting CUDA in it."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [part for part in given.split(",") if part.strip() not in ("", "-1")]
    try:
        import torch

        return [str(index) for index in range(torch.cuda.device_count())]
    except ImportError:
        return []
