"""Reading a request's body under limits, in each of the content types a client may send."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy

from starlette.requests import ClientDisconnect, Request

from tintype.errors import RequestError

__all__ = ["content_type", "multipart_images", "read_body"]


def content_type(request: Request) -> str:
    """The media type without parameters, lower case; JSON where the client names none."""
    given = request.headers.get("content-type", "application/json")
    return given.split(";", 1)[0].strip().lower()


async def read_body(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body, counted as it arrives: a length that is not announced helps nobody.

    Raises:
        RequestError: 413 over the limit, 408 when it does not arrive in time.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise RequestError(f"the body has {announced} bytes; the limit is {max_bytes}", status=413)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise RequestError(
                        f"the body is over the limit of {max_bytes} bytes", status=413
                    )
                chunks.append(chunk)
    except TimeoutError:
        raise RequestError("the body did not arrive in time", status=408) from None
    except ClientDisconnect:
        raise RequestError("the client went away", status=400) from None
    return b"".join(chunks)


def multipart_images(body: bytes, header: str) -> list[bytes]:
    """The files of a multipart/form-data body, in order.

    Raises:
        RequestError: 400 when the body has no files, or is not what its header says.
    """
    # The parser of e-mail reads MIME parts; a form is one.
    head = f"Content-Type: {header}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise RequestError("the body is not multipart/form-data with a boundary")
    images: list[bytes] = []
    for part in message.iter_parts():
        if part.get_filename() is None:
            continue
        payload = part.get_payload(decode=True)
        images.append(payload if isinstance(payload, bytes) else b"")
    if not images:
        raise RequestError("the form has no file in it; send each image as a file")
    return images
