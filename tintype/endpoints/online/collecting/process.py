"""The collector: one process that writes what all instances of a workspace record on this machine.

    python -m tintype.endpoints.online.collecting.process

One for all, because several instances are usual while a deployment scales or is updated: they then share one
interpreter with pyarrow in memory (70 MB), one file of rows for each deployment, and one look for what is too old.
The first instance that has something to record starts it; the runtime folder's lock keeps a second from starting. It
writes what an instance handed over also where that was killed, and ends when no instance has been there for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import filelock

from tintype.endpoints.online.collecting.recorder import Keeping, Recorder
from tintype.endpoints.online.collecting.sample import sample_of
from tintype.endpoints.online.frames import READ_AHEAD, read_frame, write_frame
from tintype.endpoints.online.runtime_folder import collector_socket, runtime_folder
from tintype.errors import TintypeError

__all__ = ["Collector", "main"]

# Without an instance for so long, it ends.
_ALONE_SECONDS = 3.0

_TICK_SECONDS = 0.5


class Collector:
    """Takes samples from instances over a unix socket."""

    def __init__(self) -> None:
        self._recorders: dict[tuple[str, str], Recorder] = {}
        self._connections = 0
        self._alone_since = time.monotonic()
        self._ending = asyncio.Event()

    async def run(self, socket_path: Path) -> None:
        """Write until no instance is there any more, or SIGTERM."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ending.set)
        socket_path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, socket_path, limit=READ_AHEAD)
        try:
            while not self._ending.is_set() and not self._is_alone():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), _TICK_SECONDS)
                for recorder in self._recorders.values():
                    recorder.write_due()
        finally:
            server.close()
            socket_path.unlink(missing_ok=True)
            for recorder in self._recorders.values():
                recorder.write()

    def _is_alone(self) -> bool:
        return not self._connections and time.monotonic() - self._alone_since > _ALONE_SECONDS

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        labels: tuple[str, ...] = ()
        settle = partial(_settle, writer)
        try:
            write_frame(writer, {"kind": "hello", "pid": os.getpid()})
            opening = await read_frame(reader)
            if opening is None:
                return
            recorder = self._recorder(opening.header)
            while (frame := await read_frame(reader)) is not None:
                kind = frame.header["kind"]
                if kind == "labels":
                    labels = tuple(frame.header["labels"])
                elif kind == "sample":
                    recorder.take(sample_of(frame.header, frame.body, labels), settle)
                elif kind == "write":
                    recorder.write()
        except ConnectionError:
            # Killed in the middle of a sample: what came whole is written.
            pass
        finally:
            self._connections -= 1
            self._alone_since = time.monotonic()
            writer.close()

    def _recorder(self, opening: dict[str, object]) -> Recorder:
        endpoint, deployment = str(opening["endpoint"]), str(opening["deployment"])
        keeping = Keeping(**{name: opening[name] for name in Keeping.__dataclass_fields__})  # type: ignore[arg-type]
        recorder = self._recorders.get((endpoint, deployment))
        if recorder is None:
            recorder = Recorder(endpoint, deployment, keeping)
            self._recorders[endpoint, deployment] = recorder
        recorder.keeping = keeping
        return recorder


def main() -> int:
    """Run the collector of this workspace; the exit status."""
    _give_way()
    lock = filelock.FileLock(runtime_folder() / "collector.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        # Another one writes already.
        return 0
    try:
        asyncio.run(Collector().run(collector_socket()))
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    finally:
        lock.release()
    return 0


def _give_way() -> None:
    """Let every instance go first."""
    import pyarrow as pa

    os.nice(19)
    # Where sessions share the processors evenly, niceness counts within one of them alone.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19")
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _settle(writer: asyncio.StreamWriter, recorded: int, dropped: int, fault: str | None) -> None:
    with contextlib.suppress(ConnectionError):
        write_frame(
            writer,
            {
                "kind": "settled",
                "recorded": int(recorded),
                "dropped": int(dropped),
                "fault": fault,
            },
        )


if __name__ == "__main__":
    sys.exit(main())
