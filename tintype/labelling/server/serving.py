"""`tintype label serve`: all projects behind HTTP, until it is told to stop."""

from __future__ import annotations

from tintype.endpoints.online.gateway.http_server import (
    Tls,
    announced_listener,
    end_well_on_signals,
    http_server,
    is_loopback,
)
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.server.app import create_labelling_app
from tintype.labelling.server.service import LabellingService

__all__ = ["serve_labelling"]


def serve_labelling(
    *,
    host: str = "127.0.0.1",
    port: int = 8081,
    tls: Tls | None = None,
    folders: AllowedFolders | None = None,
) -> None:
    """Answer until SIGTERM or Ctrl-C; requests under way are finished.

    Beyond this machine people sign in, which needs the extra `label`.

    Args:
        folders: what projects may be made of by requests; None: nothing.

    Raises:
        MissingExtraError: passwords cannot be checked here.
        OutputError: the address is in use or not allowed, or the store cannot be used.
    """
    local = is_loopback(host)
    if not local:
        from tintype.labelling.access import check_passwords_can_be_used

        check_passwords_can_be_used()
    if tls is not None:
        tls.check()
    service = LabellingService(local=local, folders=folders)
    # A store that cannot be used is told at once.
    service.labelling()
    listener = announced_listener(
        "Labelling", host, port, tls, unencrypted="passwords and pictures"
    )
    end_well_on_signals()
    try:
        app = create_labelling_app(service.labelling, local=local)
        http_server(app, tls).run(sockets=[listener])
    finally:
        service.close()
