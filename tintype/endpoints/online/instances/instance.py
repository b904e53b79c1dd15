"""An instance: the process that holds one copy of a deployment's model and answers its gateway.

    python -m tintype.endpoints.online.instances.instance SPECIFICATION.json

The specification names the model, how to load it, and the socket to listen on. The socket appears
when the model is loaded and warm. Without a gateway for a while, the process ends itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from tintype.endpoints.online.calls import answer_header, call_of
from tintype.endpoints.online.frames import (
    PROTOCOL,
    READ_AHEAD,
    Frame,
    read_frame,
    write_frame,
)
from tintype.endpoints.online.instances.model_service import describe, open_service, warm_up
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.errors import TintypeError
from tintype.quiet import quiet_loggers

__all__ = ["Instance", "main"]

# A gateway that was killed is started again within seconds; one that is gone has left for good.
_ORPHAN_SECONDS = 30.0

_WARM_UP_SECONDS = 120.0

_BEAT_SECONDS = 0.2

_log = logging.getLogger("tintype")


class Instance:
    """Serves a ScoringService over connections from gateways (one, but for the moment of change)."""

    def __init__(self, service: ScoringService, identity: dict[str, Any]) -> None:
        """
        Args:
            identity: what the hello says besides the model: which specification this is.
        """
        self._service = service
        self._identity = identity
        self._threads = service.scorer.choice.threads
        self._gateways: set[asyncio.StreamWriter] = set()
        self._alone_since = time.monotonic()
        self._ending = asyncio.Event()

    async def run(self, socket_path: Path) -> None:
        """Answer until SIGTERM, or until no gateway has been there for a while."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        temporary = socket_path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, temporary, limit=READ_AHEAD)
        # Under its name only when it listens.
        temporary.replace(socket_path)
        try:
            while not self._ending.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), 1.0)
                alone = time.monotonic() - self._alone_since
                if not self._gateways and alone > _ORPHAN_SECONDS:
                    print("no gateway; ending", flush=True)
                    break
        finally:
            await asyncio.to_thread(self._service.finish_collecting)
            for writer in self._gateways:
                self._write_beat(writer)
            server.close()
            socket_path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._gateways.add(writer)
        tasks: dict[int, asyncio.Task[None]] = {}
        beating = asyncio.create_task(self._beat(writer))
        try:
            write_frame(writer, self._hello())
            await writer.drain()
            while (frame := await read_frame(reader)) is not None:
                if frame.header["kind"] == "threads":
                    self._share_threads(int(frame.header["count"]))
                    continue
                number = int(frame.header["id"])
                if frame.header["kind"] == "cancel":
                    task = tasks.get(number)
                    if task is not None:
                        task.cancel()
                    continue
                task = asyncio.create_task(self._answer(frame, writer))
                tasks[number] = task
                task.add_done_callback(partial(_forget, tasks, number))
        except ConnectionError:
            pass
        finally:
            beating.cancel()
            for task in tasks.values():
                task.cancel()
            self._gateways.discard(writer)
            self._alone_since = time.monotonic()
            writer.close()

    def _share_threads(self, count: int) -> None:
        """What the machine has for this process has changed."""
        if count != self._threads:
            print(f"threads: {count}", flush=True)
            self._threads = count
            self._service.set_threads(count)

    async def _answer(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        header = frame.header
        if header["kind"] == "canary":
            answer = await self._service.canary(float(header["timeout_s"]))
        else:
            answer = await self._service.answer(call_of(header, frame.body))
        content = {"kind": "answer", "id": header["id"], **answer_header(answer)}
        with contextlib.suppress(ConnectionError):
            write_frame(writer, content, answer.body)
            await writer.drain()

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        """Say again and again that the event loop turns."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            self._write_beat(writer)

    def _write_beat(self, writer: asyncio.StreamWriter) -> None:
        """How long the model has been at it, and what was recorded so far."""
        since = self._service.batcher.busy_since
        busy = 0.0 if since is None else time.monotonic() - since
        beat = {"kind": "beat", "busy_s": busy, "collected": self._service.collected}
        with contextlib.suppress(ConnectionError):
            write_frame(writer, beat)

    def _hello(self) -> dict[str, Any]:
        return {
            "kind": "hello",
            "protocol": PROTOCOL,
            **self._identity,
            "pid": os.getpid(),
            **describe(self._service),
        }


def main(arguments: list[str]) -> int:
    """Load, warm up, serve; the exit status."""
    specification = json.loads(Path(arguments[0]).read_text("utf-8"))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    quiet_loggers()
    try:
        service = open_service(specification)
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    scorer = service.scorer
    print(f"model: {json.dumps(scorer.describe())}", flush=True)
    identity = {key: specification[key] for key in ("endpoint", "deployment", "generation")}
    try:
        asyncio.run(_warm_and_run(service, identity, Path(specification["socket"])))
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return 1
    finally:
        service.close()
    return 0


async def _warm_and_run(service: ScoringService, identity: dict[str, Any], socket: Path) -> None:
    began = time.monotonic()
    await asyncio.to_thread(warm_up, service)
    answer = await service.canary(_WARM_UP_SECONDS)
    if answer.status != 200:
        raise TintypeError(f"the model gave no answer: {answer.body.decode()}")
    print(f"warm after {time.monotonic() - began:.1f} s; answering", flush=True)
    await Instance(service, identity).run(socket)


def _forget(tasks: dict[int, asyncio.Task[None]], number: int, _: asyncio.Task[None]) -> None:
    tasks.pop(number, None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
