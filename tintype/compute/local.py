"""Worker processes on this machine: started apart from the terminal, ended with all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tintype.compute.python_process import start_python_process
from tintype.errors import OutputError
from tintype.settings import get_settings

__all__ = ["start_worker", "stop_worker"]

# From asking a worker to end until it is made to.
_GRACE_SECONDS = 15.0


def start_worker(module: str, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `python -m module arguments` in a session of its own, writing to the end of `log`.

    It works in the workspace's folder: the one it is started from may be deleted while it runs, and
    libraries that are loaded later could not be found any more.

    Raises:
        OutputError: the log cannot be written.
    """
    settings = get_settings()
    threads = str(settings.cpu_threads)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        settings.home.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            return start_python_process(
                module,
                arguments,
                environment={"OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=settings.home,
                start_new_session=True,
            )
    except OSError as error:
        raise OutputError(f"cannot start a worker that writes {log}: {error.strerror}") from None


def stop_worker(pid: int, ended: Callable[[], bool]) -> None:
    """Ask the worker's process group to end, wait until `ended` says so, else kill it."""
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while not ended():
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            return
        time.sleep(0.1)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
