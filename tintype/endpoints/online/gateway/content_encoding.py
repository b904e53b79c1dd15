"""Bodies that clients have compressed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator

from tintype.endpoints.online.gateway.body import ByteBudget
from tintype.errors import RequestError

__all__ = ["ACCEPTED", "UnsupportedEncoding", "check_encoding", "decoded_body"]

ACCEPTED = "gzip, identity"
"""What `Content-Encoding` may say, as `Accept-Encoding` tells it (RFC 9110, 12.5.3)."""

# Decompressed at once, in a thread: memory grows by so much between two looks at the limits.
_PIECE_BYTES = 1024 * 1024

# Given to zlib at once: it copies what it could not take.
_SLICE_BYTES = 256 * 1024

# A body may be of several members; empty ones stand for nothing and cost all the same.
_MOST_MEMBERS = 1000

# With the header and trailer of gzip (zlib.h).
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class UnsupportedEncoding(RequestError):
    """A body is compressed in another way."""


def check_encoding(header: str) -> bool:
    """Whether a body is gzip, by its `Content-Encoding` header; "" and identity are bodies as they are.

    Raises:
        UnsupportedEncoding: 415, it is something else.
    """
    encoding = header.strip().lower()
    if encoding in ("", "identity"):
        return False
    # The old name (RFC 9110, 8.4.1.3).
    if encoding in ("gzip", "x-gzip"):
        return True
    raise UnsupportedEncoding(
        f"content encoding {header[:100]!a}; send the body as it is, or compressed once with gzip",
        status=415,
    )


async def decoded_body(content: bytes, *, max_bytes: int, budget: ByteBudget) -> bytes:
    """A gzip body decompressed, counted as it grows: a small one may stand for gigabytes.

    Args:
        content: one or several gzip members; it is charged to `budget` already, and given back here.
        budget: is charged with the bytes returned; nothing where this raises.

    Raises:
        RequestError: 413 over the limit, 429 without room, 400 for what is not gzip or not whole.
    """
    pieces: list[bytes] = []
    size = 0
    decompressing = _decompressed(content)
    try:
        while (piece := await asyncio.to_thread(next, decompressing, None)) is not None:
            if size + len(piece) > max_bytes:
                raise RequestError(
                    f"the body is over the limit of {max_bytes} bytes when decompressed", status=413
                )
            budget.take(len(piece))
            size += len(piece)
            pieces.append(piece)
    except BaseException as error:
        budget.give_back(size)
        if isinstance(error, zlib.error):
            raise RequestError("the body is not gzip, as its content-encoding says") from None
        raise
    finally:
        budget.give_back(len(content))
    return b"".join(pieces)


def _decompressed(content: bytes) -> Iterator[bytes]:
    """Pieces of what `content` stands for."""
    member, members = zlib.decompressobj(_GZIP_WINDOW), 1
    for start in range(0, len(content), _SLICE_BYTES):
        rest = content[start : start + _SLICE_BYTES]
        while rest:
            if member.eof:
                # Members stand one after the other (RFC 1952, 2.2).
                members += 1
                if members > _MOST_MEMBERS:
                    raise RequestError(f"the body has more than {_MOST_MEMBERS} gzip members")
                member = zlib.decompressobj(_GZIP_WINDOW)
            yield member.decompress(rest, _PIECE_BYTES)
            rest = member.unused_data if member.eof else member.unconsumed_tail
    while not member.eof:
        piece = member.decompress(b"", _PIECE_BYTES)
        if not piece:
            raise RequestError("the body ends in the middle of its gzip content")
        yield piece
