"""The control plane's socket: verbs go to the daemon, one JSON line each, and answers come back.

It is a unix socket in a folder that only its owner may enter: nothing on the network reaches it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tintype.compute.local import start_worker
from tintype.endpoints.online.runtime_folder import runtime_folder
from tintype.errors import OutputError, RunFailed, TintypeError, UsageError
from tintype.settings import get_settings

__all__ = [
    "Handler",
    "ask_daemon",
    "control_socket",
    "daemon_answers",
    "serve_control",
    "start_daemon",
]

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""(verb, arguments) -> a JSON-able answer; raises TintypeError."""

_START_SECONDS = 30.0

_LONGEST_LINE = 16 * 1024 * 1024


def control_socket() -> Path:
    """Where the workspace's daemon listens."""
    return runtime_folder() / "control.sock"


async def serve_control(handle: Handler) -> asyncio.Server:
    """Listen on the control socket."""
    path = control_socket()
    path.unlink(missing_ok=True)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(json.dumps(await _handled(handle, line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(connected, path, limit=_LONGEST_LINE)
    path.chmod(0o600)
    return server


async def _handled(handle: Handler, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        return {"result": await handle(request["verb"], request["arguments"])}
    except TintypeError as error:
        return {"error": str(error), "usage": isinstance(error, UsageError)}
    except Exception as error:
        logging.getLogger("tintype").exception("a control request failed")
        return {"error": f"{type(error).__name__}: {error}; see the daemon's log", "usage": False}


def ask_daemon(verb: str, *, start: bool = True, **arguments: Any) -> Any:
    """Have the daemon do something; it is started where it does not run.

    Raises:
        UsageError, RunFailed: what the daemon refused, or could not do.
        OutputError: it cannot be started, or (start=False) does not run.
    """
    connection = _connected()
    if connection is None:
        if not start:
            raise OutputError("the daemon does not run; start it with `tintype up`")
        start_daemon()
        connection = _connected()
        if connection is None:
            raise OutputError(f"the daemon does not answer; its log is {_log()}")
    with connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n")
        stream.flush()
        line = stream.readline()
    if not line:
        raise OutputError(f"the daemon ended before it answered; its log is {_log()}")
    answer = json.loads(line)
    if "error" in answer:
        raise (UsageError if answer["usage"] else RunFailed)(answer["error"])
    return answer["result"]


def daemon_answers() -> bool:
    """Whether the workspace's daemon runs."""
    connection = _connected()
    if connection is None:
        return False
    connection.close()
    return True


def start_daemon() -> None:
    """Start the daemon apart from this terminal, and wait until it answers.

    Raises:
        OutputError: it ended instead; says what it said.
    """
    log = _log()
    began = log.stat().st_size if log.exists() else 0
    process = start_worker("tintype.endpoints.online.daemon.process", [], log)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if daemon_answers():
            return
        if process.poll() not in (None, 0):
            said = log.read_bytes()[began:].decode("utf-8", "replace").strip().splitlines()
            reason = said[-1].removeprefix("error: ") if said else f"see {log}"
            raise OutputError(f"the daemon did not start: {reason}")
        time.sleep(0.05)
    raise OutputError(f"the daemon did not answer within {_START_SECONDS:.0f} s; its log is {log}")


def _log() -> Path:
    return get_settings().home / "daemon" / "daemon.log"


def _connected() -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(control_socket()))
    except OSError:
        connection.close()
        return None
    return connection
