"""Whether an instance that says nothing hangs, or works.

An instance's event loop beats. It cannot while a native call holds the interpreter's lock (a graph is compiled, a large
batch runs), and no thread of that process could: so silence alone proves nothing. What the system says of the process
does: one that hangs is stopped, or all its threads sleep and it takes no processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Pulse", "Signs", "read_signs"]

# A beat comes five times a second. Looks at a silent process begin with the first that is missed, and the second
# of them may call it hanging: within a second, with the 0.2 s between looks.
_MISSED_SECONDS, _SILENT_SECONDS = 0.35, 0.6

# Where the system says nothing of processes (no /proc), silence has to do.
_BLIND_SECONDS = 5.0

# Whoever looks less often than this was held up itself, and the beats wait to be read.
_HELD_UP_SECONDS = 0.6


@dataclass(frozen=True)
class Signs:
    """Of one process, all its threads together."""

    stopped: bool
    """By a signal: SIGSTOP, SIGTSTP, a debugger."""
    runnable: bool
    """A thread runs, waits for a processor, or waits for the disk."""
    ticks: int
    """Processor time so far, in the clock's ticks."""


def read_signs(pid: int) -> Signs | None:
    """None where the system does not say it, or the process is gone (proc(5): /proc/PID/stat)."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        whole = _fields(Path(f"/proc/{pid}/stat"))
        states = {_fields(thread / "stat")[0] for thread in threads}
        return Signs(
            stopped=states <= {"T", "t"},
            runnable=bool(states & {"R", "D"}),
            # utime and stime, fields 14 and 15 of the line; the state is the third.
            ticks=int(whole[11]) + int(whole[12]),
        )
    except (OSError, ValueError, IndexError):
        return None


class Pulse:
    """Judges one instance; `hangs` is asked several times a second."""

    def __init__(
        self,
        read: Callable[[int], Signs | None] = read_signs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock = read, clock
        self._looked = clock()
        self._held_up_until = 0.0
        self._ticks: int | None = None

    def hangs(self, pid: int, last_heard: float, *, most_busy_s: float) -> str | None:
        """Why it counts as hanging; None where it does not.

        Args:
            last_heard: when it last said anything, by the clock.
            most_busy_s: silence for so long is too much of one that works, too.
        """
        now = self._clock()
        if now - self._looked > _HELD_UP_SECONDS:
            self._held_up_until = now
        self._looked = now
        silent = now - max(last_heard, self._held_up_until)
        if silent <= _MISSED_SECONDS:
            self._ticks = None
            return None
        if silent > most_busy_s:
            return f"said nothing for {silent:.0f} s"
        signs = self._read(pid)
        if signs is None:
            return f"said nothing for {silent:.0f} s" if silent > _BLIND_SECONDS else None
        before, self._ticks = self._ticks, signs.ticks
        if silent <= _SILENT_SECONDS or signs.runnable or before is None or signs.ticks > before:
            return None
        state = "it is stopped" if signs.stopped else "all its threads sleep"
        return f"said nothing for {silent:.1f} s, and {state}"


def _fields(stat: Path) -> list[str]:
    """Of a line of /proc, from the state on: what comes before may hold blanks and brackets."""
    return stat.read_text("utf-8", "replace").rpartition(")")[2].split()
