"""Reading a request's body under limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tintype.errors import RequestError

__all__ = ["ByteBudget", "ClientGone", "Receive", "read_body"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's."""


class ClientGone(Exception):
    """The client closed its connection: nobody is left to answer."""


class ByteBudget:
    """What the bodies of all requests under way may take together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    def take(self, count: int) -> None:
        """
        Raises:
            RequestError: 429, there is no room for `count` bytes more.
        """
        if self._taken + count > self._limit:
            raise RequestError("the server holds all it can; try again shortly", status=429)
        self._taken += count

    def give_back(self, count: int) -> None:
        """Make room again for `count` bytes that were taken."""
        self._taken -= count


async def read_body(
    receive: Receive, announced: str, *, max_bytes: int, timeout_s: float, budget: ByteBudget
) -> bytes:
    """The whole body, counted as it arrives: a length that is not announced helps nobody.

    Args:
        announced: the Content-Length header, "" without one.
        budget: is charged with the bytes returned; nothing where this raises.

    Raises:
        RequestError: 413 over the limit, 408 when it does not arrive in time, 429 without room.
        ClientGone: the client went away.
    """
    if announced.isdigit() and int(announced) > max_bytes:
        raise RequestError(f"the body has {announced} bytes; the limit is {max_bytes}", status=413)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk = message.get("body", b"")
                more = message.get("more_body", False)
                if size + len(chunk) > max_bytes:
                    raise RequestError(
                        f"the body is over the limit of {max_bytes} bytes", status=413
                    )
                budget.take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
    except BaseException as error:
        budget.give_back(size)
        if isinstance(error, TimeoutError):
            raise RequestError("the body did not arrive in time", status=408) from None
        raise
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
