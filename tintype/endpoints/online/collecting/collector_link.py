"""An instance's connection to the collector's process, which it starts where none runs."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tintype.compute.local import start_worker
from tintype.endpoints.online.collecting.sample import Sample, sample_parts
from tintype.endpoints.online.frames import frame_head, receive_header
from tintype.endpoints.online.runtime_folder import collector_socket
from tintype.errors import TintypeError
from tintype.schemas.data_collector import DataCollector
from tintype.settings import get_settings

__all__ = ["CollectorLink", "CollectorLost"]

_PROGRAM = "tintype.endpoints.online.collecting.process"

# Until a process that was started answers, on a machine whose cores are all busy, which it lets go first; and one
# that runs, which may be at a large picture.
_START_SECONDS, _HELLO_SECONDS = 60.0, 2.0

# A process that takes nothing for so long has no room, or hangs.
_PATIENCE_SECONDS = 10.0


class CollectorLost(Exception):
    """The process that writes ended, hangs, or cannot be started; its text says which."""


class CollectorLink:
    """Samples go out, and how many were written comes back. Used by one thread."""

    def __init__(self, endpoint: str, deployment: str, collector: DataCollector) -> None:
        self._opening = {
            "kind": "open",
            "endpoint": endpoint,
            "deployment": deployment,
            **collector.keeping,
        }
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._labels: tuple[str, ...] | None = None
        self._unsettled = 0
        self._fault: str | None = None
        self.recorded = 0
        """Samples that were written."""
        self.dropped = 0
        """Samples that were handed over and not written."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    def new_fault(self) -> str | None:
        """What the process had against writing last, since this was last asked."""
        fault, self._fault = self._fault, None
        return fault

    def open(self) -> socket.socket:
        """The connection; the process is started where none runs.

        Raises:
            CollectorLost: it cannot be started, or does not answer.
        """
        return self._socket or self._connect()

    def send(self, sample: Sample) -> None:
        """Hand over one sample; connects first where that is needed.

        Raises:
            CollectorLost: it was not taken, and does not count as dropped here.
        """
        connection = self.open()
        try:
            labels = sample.labels
            if labels is not None and labels is not self._labels:
                _send(connection, {"kind": "labels", "labels": labels}, [])
                self._labels = labels
            _send(connection, *sample_parts(sample))
        except OSError as error:
            raise self._lost(error) from None
        self._unsettled += 1

    def look(self) -> None:
        """Take what was told meanwhile.

        Raises:
            CollectorLost: that it has ended.
        """
        while self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self._take()

    def finish(self, seconds: float) -> None:
        """Have what was handed over written, and hang up.

        Raises:
            CollectorLost: the process ended before, or took longer than `seconds`.
        """
        if self._socket is None:
            return
        end = time.monotonic() + seconds
        self._socket.settimeout(seconds)
        try:
            _send(self._socket, {"kind": "write"}, [])
            while self._unsettled:
                left = end - time.monotonic()
                if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                    raise TimeoutError
                self._take()
        except OSError as error:
            raise self._lost(error) from None
        self._hang_up()

    def _take(self) -> None:
        assert self._socket is not None
        try:
            header = receive_header(self._socket)
        except OSError as error:
            raise self._lost(error) from None
        self.recorded += int(header["recorded"])
        self.dropped += int(header["dropped"])
        self._unsettled -= int(header["recorded"]) + int(header["dropped"])
        self._fault = header["fault"] or self._fault

    def _connect(self) -> socket.socket:
        end, started = time.monotonic() + _START_SECONDS, False
        while (connection := self._connected()) is None:
            status = 0 if self._process is None else self._process.poll()
            if started and status:
                raise CollectorLost(f"the process that writes does not start; see {_log_file()}")
            if time.monotonic() > end:
                raise CollectorLost(f"the process that writes does not answer; see {_log_file()}")
            # Status 0: there was another, which listens soon, or was about to end.
            if status is not None:
                self._process, started = self._start(), True
            time.sleep(0.1)
        self._socket, self._labels = connection, None
        return connection

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return start_worker(_PROGRAM, [], _log_file())
        except TintypeError as error:
            raise CollectorLost(f"the process that writes cannot be started: {error}") from None

    def _connected(self) -> socket.socket | None:
        """A connection that was greeted; None where nobody listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_HELLO_SECONDS)
        try:
            connection.connect(str(collector_socket()))
            # One that is about to end takes no connection any more, and what is sent to it would be lost.
            receive_header(connection)
            _send(connection, self._opening, [])
            connection.settimeout(_PATIENCE_SECONDS)
        except OSError:
            connection.close()
            return None
        return connection

    def _lost(self, error: OSError) -> CollectorLost:
        lost, self.dropped = self._unsettled, self.dropped + self._unsettled
        self._hang_up()
        why = "has ended"
        if isinstance(error, TimeoutError):
            why = "takes nothing"
        elif self._process is not None:
            # Its socket is closed a moment before its status is known.
            with contextlib.suppress(subprocess.TimeoutExpired):
                why = f"ended with status {self._process.wait(1.0)}"
        return CollectorLost(
            f"the process that writes {why}; {lost} samples that it had were not written"
        )

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._unsettled = None, 0


def _send(connection: socket.socket, header: dict[str, Any], body: list[bytes]) -> None:
    """One frame in one call of the system where there is room, so that the interpreter's lock is given away once.

    Raises:
        OSError: the connection broke, or nothing is taken.
    """
    parts = [memoryview(part) for part in (frame_head(header, sum(map(len, body))), *body)]
    while parts:
        # As many parts as one call may have.
        sent = connection.sendmsg(parts[:512])
        while parts and sent >= len(parts[0]):
            sent -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][sent:]


def _log_file() -> Path:
    return get_settings().home / "daemon" / "collector.log"
