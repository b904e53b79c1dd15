"""Ends processes that are left when the process that started them is gone.

A command of a user's runs in a process group of its own, so that it can be ended with all it started. Were
its owner killed, nobody would do that: this process reads the owner's notes from a pipe, and when the pipe
closes it ends every group that is still noted. It imports next to nothing, so that it costs next to
nothing: python -S -E watchdog.py
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

__all__ = ["Watchdog"]


class Watchdog:
    """Notes which process groups this process has started; one for the whole process, made when needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def note(self, group: int) -> None:
        """End the group when this process dies."""
        self._write(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The group has ended."""
        self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        with self._turn:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-S", "-E", __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            # Should it have been killed, commands run on all the same.
            with contextlib.suppress(OSError):
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()


def _main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _main()
