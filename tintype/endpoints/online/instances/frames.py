"""How a gateway and its instances talk: frames over a unix socket, many calls on one connection.

A frame is a header (a JSON object) and a body (bytes): two big-endian lengths of 4 and 8 bytes, then
both. To an instance go `score`, `cancel`, `canary` and `threads`; from it come `hello` once, `answer`,
and a `beat` every second. The hello says which version of all this the instance speaks.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["PROTOCOL", "READ_AHEAD", "Frame", "read_frame", "write_frame"]

PROTOCOL = 2
"""Counts up when frames change their meaning. 1: instances that did not say it."""

_LENGTHS = struct.Struct(">IQ")

_LONGEST_HEADER = 16 * 1024 * 1024
"""A hello names every class of a model."""

READ_AHEAD = 1024 * 1024
"""Bytes a reader takes from the socket before it lets it wait."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    header: dict[str, Any]
    body: bytes = b""


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None at the end of the stream.

    Raises:
        ConnectionError: the stream ended inside a frame, or holds something else.
    """
    try:
        lengths = await reader.readexactly(_LENGTHS.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ConnectionError("the stream ended inside a frame") from None
        return None
    header, body = _LENGTHS.unpack(lengths)
    if header > _LONGEST_HEADER:
        raise ConnectionError("not a frame")
    try:
        content = orjson.loads(await reader.readexactly(header))
        return Frame(content, await reader.readexactly(body) if body else b"")
    except asyncio.IncompleteReadError:
        raise ConnectionError("the stream ended inside a frame") from None


def write_frame(writer: asyncio.StreamWriter, header: dict[str, Any], body: bytes = b"") -> None:
    """Queue one frame; `writer.drain()` waits for room."""
    content = orjson.dumps(header)
    writer.write(_LENGTHS.pack(len(content), len(body)) + content)
    if body:
        writer.write(body)
