"""Running one command line to its end, its output in a log, whatever it starts ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tintype.compute.watchdog import Watchdog
from tintype.errors import OutputError

__all__ = ["Ended", "last_lines", "run_command_line"]

# From asking a command to end until it is made to; `compute.local` gives its worker longer.
_GRACE_SECONDS = 3.0

# Between two looks at whether it is to stop.
_LOOK_SECONDS = 0.05

_TAIL_BYTES = 16 * 1024
_TAIL_LINES = 20

_watchdog = Watchdog()


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    """Its exit code; negative: the signal that ended it."""
    stopped: bool = False
    """It was asked to stop."""
    timed_out: bool = False
    """It took longer than it may."""


def run_command_line(
    line: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    stop: Callable[[], bool],
    timeout: float | None = None,
) -> Ended:
    """Run `line` with bash in `folder` and wait for it.

    Args:
        environment: all variables that it has.
        log: what it prints goes to the end of this file.
        stop: asked again and again whether it is to end.
        timeout: seconds that it may take.

    Raises:
        OutputError: the log cannot be written, or there is no shell.
    """
    try:
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["bash", "-c", line],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise OutputError(f"cannot start a command that writes {log}: {error.strerror}") from None
    _watchdog.note(process.pid)
    try:
        return _waited(process, stop, timeout)
    finally:
        # What it left in the background ends with it.
        _signal(process.pid, signal.SIGKILL)
        process.wait()
        _watchdog.forget(process.pid)


def last_lines(log: Path, start: int) -> str:
    """The last lines of what was written to `log` after its first `start` bytes."""
    with log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(start, stream.tell() - _TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    return "\n".join(text.rstrip().splitlines()[-_TAIL_LINES:])


def _waited(
    process: subprocess.Popen[bytes], stop: Callable[[], bool], timeout: float | None
) -> Ended:
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            return Ended(process.wait(_LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            late = deadline is not None and time.monotonic() > deadline
        if late or stop():
            _signal(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            _signal(process.pid, signal.SIGKILL)
            return Ended(process.wait(), stopped=not late, timed_out=late)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
