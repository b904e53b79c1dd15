"""The gateway's end of the connection to one instance."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from pathlib import Path
from typing import Any

from tintype.endpoints.online.calls import Answer, ScoreCall, call_header
from tintype.endpoints.online.frames import READ_AHEAD, read_frame, write_frame

__all__ = ["InstanceLink", "InstanceLost"]

_HELLO_SECONDS = 10.0


class InstanceLost(Exception):
    """The instance died or closed its connection before it answered."""


class InstanceLink:
    """Calls on one instance; make it with `connect`."""

    def __init__(
        self, hello: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.hello = hello
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self.lost = asyncio.Event()
        self.last_heard = time.monotonic()
        """When the instance last said anything; it does five times a second."""
        self.busy_s = 0.0
        """How long its model had been at one micro-batch, when it last said so."""
        self._collected: dict[str, int] = {}
        self._told_collected: dict[str, int] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, socket: Path) -> InstanceLink:
        """
        Raises:
            OSError: nobody listens there, or says hello.
        """
        reader, writer = await asyncio.open_unix_connection(socket, limit=READ_AHEAD)
        try:
            hello = await asyncio.wait_for(read_frame(reader), _HELLO_SECONDS)
        except TimeoutError:
            writer.close()
            raise ConnectionError("no hello") from None
        if hello is None:
            writer.close()
            raise ConnectionError("no hello")
        return cls(hello.header, reader, writer)

    @property
    def in_flight(self) -> int:
        """Calls without an answer yet."""
        return len(self._waiting)

    async def score(self, call: ScoreCall) -> Answer:
        """Have one call answered; cancelling this cancels it there.

        Raises:
            InstanceLost: the instance went away first.
        """
        header = {"kind": "score", **call_header(call)}
        return await self._ask(header, call.body)

    async def canary(self, timeout_s: float) -> Answer:
        """See `ScoringService.canary`.

        Raises:
            InstanceLost: the instance went away first.
        """
        return await self._ask({"kind": "canary", "timeout_s": timeout_s})

    @property
    def protocol(self) -> int:
        """Which version of the frames the instance speaks."""
        return int(self.hello.get("protocol", 1))

    def newly_collected(self) -> dict[str, int]:
        """Samples `recorded` and `dropped` since this was last asked."""
        before, self._told_collected = self._told_collected, self._collected
        return {what: count - before.get(what, 0) for what, count in self._collected.items()}

    def share_threads(self, count: int) -> None:
        """Tell it how many CPU threads are its own."""
        with contextlib.suppress(ConnectionError):
            write_frame(self._writer, {"kind": "threads", "count": count})

    async def close(self) -> None:
        """Hang up; calls under way are lost."""
        self._reading.cancel()
        self._lose()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, header: dict[str, Any], body: bytes = b"") -> Answer:
        if self.lost.is_set():
            raise InstanceLost
        number = next(self._numbers)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            write_frame(self._writer, {**header, "id": number}, body)
            await self._writer.drain()
            return await future
        except ConnectionError:
            raise InstanceLost from None
        except asyncio.CancelledError:
            if not self.lost.is_set():
                with contextlib.suppress(ConnectionError):
                    write_frame(self._writer, {"kind": "cancel", "id": number})
            raise
        finally:
            self._waiting.pop(number, None)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while (frame := await read_frame(reader)) is not None:
                self.last_heard = time.monotonic()
                if frame.header["kind"] == "beat":
                    self.busy_s = float(frame.header["busy_s"])
                    self._collected = frame.header.get("collected") or {}
                if frame.header["kind"] != "answer":
                    # Also what a newer version of the instance may have to say.
                    continue
                future = self._waiting.pop(int(frame.header["id"]), None)
                if future is not None and not future.done():
                    header = frame.header
                    future.set_result(Answer(header["status"], frame.body, header["headers"]))
        except (ConnectionError, ValueError, KeyError):
            pass
        finally:
            self._lose()

    def _lose(self) -> None:
        self.lost.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(InstanceLost())
        self._waiting.clear()
