"""Starting, finding again and ending the processes of a deployment."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tintype.endpoints.online.frames import PROTOCOL
from tintype.endpoints.online.instances.link import InstanceLink
from tintype.endpoints.online.instances.pulse import Pulse
from tintype.endpoints.online.runtime_folder import runtime_folder
from tintype.errors import OutputError
from tintype.files import write_json
from tintype.settings import get_settings

__all__ = ["InstanceProcess", "start_instance"]

State = Literal["starting", "ready", "draining", "dead"]

_TERM_SECONDS = 10.0


@dataclass(eq=False)
class InstanceProcess:
    """One process, from its start to its end."""

    number: int
    generation: int
    socket: Path
    log: Path | None
    process: asyncio.subprocess.Process | None
    """None for one that an earlier gateway started and this one found again."""
    started: float = field(default_factory=time.monotonic)
    state: State = "starting"
    link: InstanceLink | None = None
    pulse: Pulse = field(default_factory=Pulse)

    @property
    def pid(self) -> int:
        """Process id."""
        if self.process is not None:
            return self.process.pid
        return int(self.link.hello["pid"]) if self.link else 0

    @property
    def ended(self) -> int | None:
        """The exit status of a process that has ended, None while it runs."""
        if self.process is not None:
            return self.process.returncode
        return 0 if self.link is None or self.link.lost.is_set() else None

    @property
    def is_outdated(self) -> bool:
        """Whether it speaks another version than this gateway: of other code, older or newer."""
        return self.link is not None and self.link.protocol != PROTOCOL

    async def connect(self) -> bool:
        """Try to reach it; True once it is ready."""
        if not self.socket.exists():
            return False
        try:
            self.link = await InstanceLink.connect(self.socket)
        except OSError:
            return False
        self.state = "ready"
        return True

    async def drain(self, seconds: float) -> None:
        """Let it finish what it has, then end it."""
        self.state = "draining"
        end = time.monotonic() + seconds
        while self.link is not None and self.link.in_flight and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await self.terminate()

    async def terminate(self) -> None:
        """Ask it to end; make it, if it does not."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + _TERM_SECONDS
        while self.ended is None and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        self.state = "dead"
        if self.ended is None:
            self._signal(signal.SIGKILL)
        if self.process is not None:
            await self.process.wait()
        if self.link is not None:
            await self.link.close()
        self.socket.unlink(missing_ok=True)
        self.socket.with_suffix(".json").unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


async def start_instance(
    specification: dict[str, Any], *, number: int, log: Path, environment: dict[str, str]
) -> InstanceProcess:
    """Start a process for `specification` (see `instance.py`), its output going to `log`.

    Raises:
        OutputError: the log or the socket's folder cannot be written.
    """
    generation = int(specification["generation"])
    stem = f"{specification['endpoint']}.{specification['deployment']}.{generation}.{number}"
    # Names of endpoints are long, paths of sockets must be short.
    short = hashlib.blake2b(stem.encode(), digest_size=8).hexdigest()
    socket = runtime_folder() / f"{short}.sock"
    socket.unlink(missing_ok=True)
    write_json(
        socket.with_suffix(".json"), {**specification, "socket": str(socket), "number": number}
    )
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tintype.endpoints.online.instances.instance",
                str(socket.with_suffix(".json")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
                # The gateway's own may be deleted while it lives.
                cwd=get_settings().home,
                # The terminal's Ctrl-C is the gateway's to handle.
                start_new_session=True,
            )
    except OSError as error:
        raise OutputError(f"cannot start an instance that writes {log}: {error}") from None
    return InstanceProcess(number, generation, socket, log, process)
