"""Rate limits outlive the daemon: how much of each was used is kept in `<home>/daemon/rate_limits.json`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

import orjson

from tintype.endpoints.online.gateway.rate_limit import RateLimiter
from tintype.errors import OutputError
from tintype.files import write_bytes
from tintype.settings import get_settings

__all__ = ["KeptLimits"]

_log = logging.getLogger("tintype")

# What was asked since the last time is forgotten when the daemon is killed.
_KEEP_SECONDS = 1.0


class KeptLimits:
    """The rate limiters of all endpoints that have a limit."""

    def __init__(self) -> None:
        self._kept = _read()
        self._written = b""
        self._limiters: dict[str, RateLimiter] = {}

    def limiter(self, endpoint: str, requests_per_minute: int | None) -> RateLimiter | None:
        """The limiter of an endpoint, which goes on where it was; None where it has no limit (any more)."""
        if requests_per_minute is None:
            self.forget(endpoint)
            return None
        found = self._limiters.get(endpoint)
        if found is None or found.requests_per_minute != requests_per_minute:
            buckets = found.buckets if found is not None else self._kept.pop(endpoint, {})
            found = RateLimiter(requests_per_minute, buckets=buckets)
            self._limiters[endpoint] = found
        return found

    def forget(self, endpoint: str) -> None:
        """A later endpoint of that name begins anew."""
        self._limiters.pop(endpoint, None)
        self._kept.pop(endpoint, None)

    async def keep(self) -> None:
        """Write what has changed every second, until cancelled."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            content = self._content()
            if content != self._written:
                await asyncio.to_thread(self._write, content)

    def write(self) -> None:
        """Write what there is now."""
        self._write(self._content())

    def _content(self) -> bytes:
        return orjson.dumps({name: each.buckets for name, each in self._limiters.items()})

    def _write(self, content: bytes) -> None:
        self._written = content
        try:
            write_bytes(_path(), content, mode=0o600, survives_power_cut=False)
        except OutputError as error:
            # Limits hold all the same while the daemon lives.
            _log.warning("rate limits cannot be kept: %s", error)


def _read() -> dict[str, dict[str, tuple[float, float]]]:
    """By endpoint and key; what cannot be read counts as unused."""
    kept: dict[str, dict[str, tuple[float, float]]] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        content: Mapping[str, Mapping[str, tuple[float, float]]] = orjson.loads(
            _path().read_bytes()
        )
        for endpoint, buckets in content.items():
            kept[endpoint] = {
                key: (float(tokens), float(since)) for key, (tokens, since) in buckets.items()
            }
    return kept


def _path() -> Path:
    return get_settings().home / "daemon" / "rate_limits.json"
