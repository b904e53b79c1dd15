"""The HTTP server around a gateway: its socket, its limits on slow clients, TLS, draining."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.errors import OutputError, UsageError
from tintype.quiet import quiet_loggers

__all__ = [
    "Tls",
    "address_of",
    "end_well_on_signals",
    "http_server",
    "is_loopback",
    "listen",
    "log_to_stderr",
]

DRAIN_SECONDS = 30

# A connection without a request, or with half of one's headers, is closed after so many seconds.
_IDLE_SECONDS = 15


@dataclass(frozen=True)
class Tls:
    """PEM files."""

    certificate: Path
    private_key: Path

    @classmethod
    def of(cls, certificate: Path | None, private_key: Path | None) -> Tls | None:
        """None without either.

        Raises:
            UsageError: one of them without the other.
        """
        if certificate is not None and private_key is not None:
            return cls(certificate, private_key)
        if certificate is None and private_key is None:
            return None
        raise UsageError("--certificate and --private-key belong together; give both")

    def check(self) -> None:
        """
        Raises:
            UsageError: a file cannot be read, or they do not belong together.
        """
        import ssl

        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                self.certificate, self.private_key
            )
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"--certificate {self.certificate} and --private-key {self.private_key}: {error}"
            ) from None


def listen(host: str, port: int) -> socket.socket:
    """Taken before any model is loaded: a port in use is found at once. 0 takes a free one.

    Raises:
        OutputError: the address is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OutputError(f"cannot listen on {host}:{port}: {error}") from None
    listener.listen(2048)
    return listener


def address_of(host: str, port: int, tls: Tls | None = None) -> str:
    """`http://host:port`, or https with TLS."""
    scheme = "https" if tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches a server that listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def end_well_on_signals() -> None:
    """uvicorn drains on SIGTERM and SIGINT and then raises them again: a drained end is a good end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def http_server(
    app: Any, tls: Tls | None = None, *, on_end: Callable[[], None] | None = None
) -> Any:
    """A `uvicorn.Server` of the ASGI application `app`, to be run with a listening socket.

    Args:
        on_end: ends answers that would go on for ever; called before it waits for those under way.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Tells of its end."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if on_end is not None:
                on_end()
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            app,
            http=_patient_protocol(),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=_IDLE_SECONDS,
            h11_max_incomplete_event_size=64 * 1024,
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.private_key) if tls else None,
        )
    )


def log_to_stderr() -> None:
    """One line a request, on stderr; other libraries only when they warn."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    quiet_loggers()


def _patient_protocol() -> type:
    """uvicorn's protocol, which by itself waits forever for the headers of a first request."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Base  # type: ignore[assignment]

    class Patient(Base):
        """Closes a connection whose first headers do not come."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._close_if_mute)

        def _close_if_mute(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return Patient
