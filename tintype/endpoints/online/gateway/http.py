"""ASGI without a framework: a request's parts, and responses with the headers that all carry."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from tintype.endpoints.online.gateway.body import Receive

__all__ = ["HttpRequest", "HttpResponse", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

_LONGEST_REQUEST_ID = 64


class HttpRequest:
    """What a route needs of an ASGI request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        # The scope's path: a forged Host header cannot change it.
        self.path: str = scope["path"]
        self.receive = receive
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.header("x-request-id")
        fits = given.isascii() and given.isalnum() and len(given) <= _LONGEST_REQUEST_ID
        self.request_id = given if given and fits else uuid.uuid4().hex

    def header(self, name: str) -> str:
        """The header `name` (lower case), "" where it is absent."""
        return self._headers.get(name.encode(), b"").decode("latin-1")


@dataclass
class HttpResponse:
    """A whole response."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Send, request_id: str, *, with_body: bool = True) -> None:
        """Send it with the security headers, which `headers` may override, and the request id."""
        headers = {
            **_SECURITY_HEADERS,
            "content-type": self.media_type,
            "content-length": str(len(self.body)),
            "x-request-id": request_id,
            **{name.lower(): value for name, value in self.headers.items()},
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})
