"""Requests to URLs that a stranger wrote: images by URL, and webhooks of alarms.

One guard for every path that takes URLs. The host is resolved once, every address it has must be
public, and the connection goes to the address that was checked; each redirect starts over. Time
and size are capped over the whole exchange. Proxy variables are ignored. The cases come from
docs/design.md, Hostile inputs (vLLM's four fixes among them).
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from tintype.errors import FetchError

__all__ = ["Resolver", "fetch", "is_public", "post", "resolve_host"]

Resolver = Callable[[str, int], list[str]]

_MAX_REDIRECTS = 3
_CHUNK = 64 * 1024

# Ranges that carry IPv4 addresses inside IPv6 ones; what they carry must be public too.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_s: float = 10.0,
    resolver: Resolver | None = None,
    allowed: Callable[[str], bool] | None = None,
) -> bytes:
    """GET `url` and return the body.

    Args:
        max_bytes: a longer body is refused as soon as that is known.
        timeout_s: for everything: resolving, connecting, redirects, the body.
        resolver: (host, port) -> addresses; None asks the system.
        allowed: whether an address may be connected to; None takes `is_public`.

    Raises:
        FetchError: the URL is refused or the exchange failed. The message is fit for the client
            that sent the URL: it tells nothing of addresses or internals.
    """
    deadline = time.monotonic() + timeout_s
    for _ in range(_MAX_REDIRECTS + 1):
        place = _checked_place(url, resolver, allowed, "fetched from")
        location, body = _exchange(place, _Request("GET", _IMAGES), deadline, max_bytes)
        if location is None:
            return body
        url = urljoin(url, location)
    raise FetchError(f"more than {_MAX_REDIRECTS} redirects")


def post(
    url: str,
    content: bytes,
    *,
    content_type: str = "application/json",
    max_bytes: int = 64 * 1024,
    timeout_s: float = 10.0,
    resolver: Resolver | None = None,
    allowed: Callable[[str], bool] | None = None,
) -> bytes:
    """POST `content` to `url` and return the body of the answer, whose status must be 2xx; a redirect is refused.

    Args:
        max_bytes: of the answer; a longer one is refused.
        timeout_s: for everything: resolving, connecting, the answer.
        resolver: (host, port) -> addresses; None asks the system.
        allowed: whether an address may be connected to; None takes `is_public`.

    Raises:
        FetchError: the URL is refused or the exchange failed.
    """
    deadline = time.monotonic() + timeout_s
    place = _checked_place(url, resolver, allowed, "posted to")
    headers = {"Content-Type": content_type, "Content-Length": str(len(content)), "Accept": "*/*"}
    location, body = _exchange(place, _Request("POST", headers, content), deadline, max_bytes)
    if location is not None:
        raise FetchError("the URL answered with a redirect; name the address that it leads to")
    return body


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6, in text) is one that anybody on the internet can reach."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        carried = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if carried is None and parsed in _NAT64:
            carried = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if carried is not None:
            return is_public(str(carried))
        if parsed in _NAT64_LOCAL or parsed.is_site_local:
            return False
    return parsed.is_global and not (
        parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified or parsed.is_loopback
    )


def resolve_host(host: str, port: int) -> list[str]:
    """Every address the system knows for `host`.

    Raises:
        FetchError: the name does not resolve.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError(f"the host {host!r} is not known") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in addresses))


@dataclass(frozen=True)
class _Place:
    """Where a URL leads, and the address that was checked."""

    scheme: str
    host: str
    port: int
    target: str
    """Path with query."""
    address: str


@dataclass(frozen=True)
class _Request:
    method: str
    headers: Mapping[str, str]
    content: bytes | None = None


_IMAGES = {"Accept": "image/*"}


def _checked_place(
    url: str,
    resolver: Resolver | None,
    allowed: Callable[[str], bool] | None,
    what: str,
) -> _Place:
    """
    Raises:
        FetchError: the URL is ambiguous, or one of the host's addresses is not allowed.
    """
    scheme, host, port, target = _parse(url)
    addresses = (resolver or resolve_host)(host, port)
    if not addresses or not all((allowed or is_public)(address) for address in addresses):
        raise FetchError(f"the host {host!r} may not be {what}: it is not a public address")
    return _Place(scheme, host, port, target, addresses[0])


def _parse(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, path with query), or FetchError for anything ambiguous."""
    # Parsers disagree about these characters, and an attacker lives on the disagreement.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise FetchError("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchError("the URL cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise FetchError(f"a URL must begin with http:// or https://, not {parts.scheme!r}")
    if "@" in parts.netloc:
        raise FetchError("a URL with a user name or password in it is refused")
    if not parts.hostname:
        raise FetchError("the URL names no host")
    try:
        host = (
            parts.hostname.encode("idna").decode() if ":" not in parts.hostname else parts.hostname
        )
    except UnicodeError:
        raise FetchError("the URL's host name cannot be read") from None
    host = host.rstrip(".")
    if not host:
        raise FetchError("the URL names no host")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def _exchange(
    place: _Place, request: _Request, deadline: float, max_bytes: int
) -> tuple[str | None, bytes]:
    """One exchange with a checked address: (where it redirects to or None, body)."""
    scheme, host, port = place.scheme, place.host, place.port
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise FetchError("the URL took too long to answer")
    expired = threading.Event()
    connection = http.client.HTTPConnection(host, port)
    try:
        plain = socket.create_connection((place.address, port), timeout=remaining)
        raw: socket.socket = plain

        def expire() -> None:
            expired.set()
            # Ends a server that sends one byte at a time, wherever we are in its answer.
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

        watchdog = threading.Timer(max(deadline - time.monotonic(), 0.01), expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            if scheme == "https":
                context = ssl.create_default_context()
                raw = context.wrap_socket(plain, server_hostname=host)
            connection.sock = raw
            default = {"http": 80, "https": 443}[scheme] == port
            shown = f"[{host}]" if ":" in host else host
            connection.putrequest(
                request.method, place.target, skip_host=True, skip_accept_encoding=True
            )
            connection.putheader("Host", shown if default else f"{shown}:{port}")
            connection.putheader("User-Agent", "tintype")
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.putheader("Accept-Encoding", "identity")
            connection.endheaders(request.content)
            response = connection.getresponse()
            if response.status in (301, 302, 303, 307, 308) and response.getheader("Location"):
                return response.getheader("Location"), b""
            return None, _body(response, request.method, max_bytes, expired)
        finally:
            watchdog.cancel()
    except FetchError:
        raise
    except (OSError, http.client.HTTPException, UnicodeError, ValueError):
        if expired.is_set():
            raise FetchError("the URL took too long to answer") from None
        raise FetchError(
            f"the host {host!r} could not be reached or gave no proper answer"
        ) from None
    finally:
        connection.close()


def _body(
    response: http.client.HTTPResponse, method: str, max_bytes: int, expired: threading.Event
) -> bytes:
    if response.status not in (range(200, 300) if method == "POST" else (200,)):
        raise FetchError(f"the URL answered with status {response.status}")
    if response.getheader("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise FetchError("the URL answered with a compressed body, which is refused")
    length = response.getheader("Content-Length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise FetchError(f"the URL's body has {length} bytes; the limit is {max_bytes}")
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise FetchError(f"the URL's body is longer than the limit of {max_bytes} bytes")
        chunks.append(chunk)
    if expired.is_set():
        raise FetchError("the URL took too long to answer")
    if length.isdigit() and size < int(length):
        raise FetchError("the URL's body ended early")
    return b"".join(chunks)
