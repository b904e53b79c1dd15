"""Where the daemon listens: at the address that the workspace had before, or the next free one."""

from __future__ import annotations

import socket
from dataclasses import replace

from tintype.endpoints.online.daemon.config import DEFAULT_PORT, DaemonConfig, save_config
from tintype.endpoints.online.gateway.http_server import listen
from tintype.errors import OutputError

__all__ = ["listen_as"]


def listen_as(config: DaemonConfig) -> tuple[DaemonConfig, socket.socket]:
    """The socket, and the configuration with its port, which is kept.

    Raises:
        UsageError: a certificate that cannot be used.
        OutputError: the address is in use or not allowed, or the workspace cannot be written.
    """
    if config.tls is not None:
        config.tls.check()
    if config.port:
        listener = listen(config.host, config.port)
    else:
        try:
            listener = listen(config.host, DEFAULT_PORT)
        except OutputError:
            listener = listen(config.host, 0)
    config = replace(config, port=listener.getsockname()[1])
    save_config(config)
    return config, listener
