"""How the processes behind endpoints talk: frames over a unix socket.

A frame is a header (a JSON object) and a body (bytes): two big-endian lengths of 4 and 8 bytes, then both.

Between a gateway and an instance, many calls on one connection: to the instance go `score`, `cancel`, `canary` and
`threads`; from it come `hello` once, `answer`, and a `beat` five times a second, which also counts what it recorded.
The hello says which version of all this the instance speaks.

Between an instance and the collector: from the collector `hello` once, then `settled` with how many samples were
written or dropped; to it `open` once, `labels` where they change, `sample`, and `write` before the end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = [
    "PROTOCOL",
    "READ_AHEAD",
    "Frame",
    "frame_head",
    "read_frame",
    "receive_header",
    "write_frame",
]

PROTOCOL = 3
"""Counts up when frames change their meaning. 1: instances that did not say it; 2: a beat every second."""

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
    writer.write(frame_head(header, len(body)))
    if body:
        writer.write(body)


def frame_head(header: dict[str, Any], body_size: int) -> bytes:
    """What goes before a body of so many bytes."""
    content = orjson.dumps(header)
    return _LENGTHS.pack(len(content), body_size) + content


def receive_header(connection: socket.socket) -> dict[str, Any]:
    """The header of the next frame, which has no body, from a socket that blocks.

    Raises:
        OSError: the connection ended or broke, nothing came within the socket's time, or it was something else.
    """
    header, body = _LENGTHS.unpack(_receive(connection, _LENGTHS.size))
    if header > _LONGEST_HEADER or body:
        raise ConnectionError("not a frame without a body")
    content: dict[str, Any] = orjson.loads(_receive(connection, header))
    return content


def _receive(connection: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = connection.recv(count)
        if not part:
            raise ConnectionError("the connection was closed")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
