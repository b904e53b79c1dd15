"""What every request passes first: its host, its size, where it comes from; and headers of every answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["COOKIE", "SESSION_SECONDS", "Guard", "cookie_in", "guard_of", "set_session_cookie"]

COOKIE = "tintype_session"

SESSION_SECONDS = 14 * 24 * 3600
"""How long somebody stays signed in."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SAFE = ("GET", "HEAD", "OPTIONS")

# Actions about 100,000 pictures fit.
_MAX_BODY = 8 * 1024 * 1024

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """ASGI around the routes."""

    def __init__(
        self, app: Any, *, loopback_only: bool, for_programs: tuple[str, ...] = ()
    ) -> None:
        """
        Args:
            loopback_only: the server listens on this machine alone: only its names are answered, so
                that no page elsewhere reaches it under a name of its own (DNS rebinding).
            for_programs: beginnings of paths. Programs that call these say who they are by a header of
                their own, never by a cookie.
        """
        self.app, self._loopback_only = app, loopback_only
        self._for_programs = for_programs
        self._secret = secrets.token_bytes(32)
        app.state.guard = self

    def csrf_token(self, session: str) -> str:
        """What a page shows with whatever changes something; `session` "" without one."""
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [(key, value) for key, value in _HEADERS.items() if key not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        try:
            self._check(scope, headers)
            body = await _body(receive, headers.get(b"content-length", ""))
        except _Refused as refused:
            await _answer(guarded, refused.status, str(refused))
            return
        if body is not None:
            await self.app(scope, _replayed(body, receive), guarded)

    def _check(self, scope: Scope, headers: dict[bytes, str]) -> None:
        host = headers.get(b"host", "")
        if self._loopback_only and urlsplit(f"//{host}").hostname not in _LOOPBACK:
            raise _Refused(421, "this server answers to localhost alone")
        if scope["method"] in _SAFE:
            return
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise _Refused(403, "the request comes from a page of another site")
        if headers.get(b"sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise _Refused(403, "the request comes from a page of another site")
        if scope["path"].startswith(self._for_programs):
            # What a page of another site can send without being asked for is never JSON.
            if not headers.get(b"content-type", "").startswith("application/json"):
                raise _Refused(415, "expected content-type: application/json")
            return
        token = self.csrf_token(cookie_in(headers.get(b"cookie", "")))
        if not hmac.compare_digest(
            token.encode(), headers.get(b"x-csrf-token", "").encode("utf-8", "replace")
        ):
            raise _Refused(
                403, "the header x-csrf-token is missing or old; GET /api/session gives it"
            )


def guard_of(request: Request) -> Guard:
    """What a request has passed."""
    found: Guard = request.app.state.guard
    return found


def cookie_in(header: str) -> str:
    """The session's token in a Cookie header; "" where there is none."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    """Have the browser send `token` with each request, and no script read it."""
    response.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
        max_age=SESSION_SECONDS,
    )


async def _body(receive: Receive, announced: str) -> bytes | None:
    """The whole body, counted as it arrives; None where the client went away."""
    too_large = _Refused(413, f"the body is larger than {_MAX_BODY} bytes")
    if announced.isdigit() and int(announced) > _MAX_BODY:
        raise too_large
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _MAX_BODY:
            raise too_large
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives `body` first, and then what comes of the connection."""
    given = False

    async def replay() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _answer(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"code": status, "message": message}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # The rest of a body that is too long is not read.
        *([(b"connection", b"close")] if status == 413 else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
