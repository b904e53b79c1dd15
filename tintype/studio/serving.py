"""`tintype studio`: the workspace behind HTTP, until it is told to stop."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from tintype.endpoints.online.gateway.http_server import (
    Tls,
    address_of,
    announced_listener,
    end_well_on_signals,
    http_server,
    is_loopback,
)
from tintype.errors import UsageError
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.studio.app import create_studio_app, studio_behind
from tintype.studio.people import People

__all__ = ["serve_studio"]


def serve_studio(
    *,
    host: str = "127.0.0.1",
    port: int = 8082,
    tls: Tls | None = None,
    people: Sequence[str] = (),
    password: str | None = None,
    folders: Sequence[Path] = (),
    open_browser: bool = False,
) -> None:
    """Answer until SIGTERM or Ctrl-C; requests under way are finished.

    Args:
        people: who may sign in, which they must beyond this machine; on it, nobody does.
        password: a new one for the only one of `people`.
        folders: whose pictures may be looked at beside the workspace's own data.
        open_browser: have the machine's browser show it.

    Raises:
        UsageError: beyond this machine, with nobody who may sign in; a folder that is not there.
        MissingExtraError: passwords cannot be checked here.
        OutputError: the address is in use or not allowed.
    """
    local = is_loopback(host)
    if local and people:
        raise UsageError("on this machine nobody signs in; --person is for another --host")
    allowed = None if local else People(people)
    if password is not None:
        if allowed is None or len(people) != 1:
            raise UsageError(
                "a password is for one --person of a studio beyond this machine (--host)"
            )
        allowed.give_password(people[0], password)
    looked_at = AllowedFolders(folders)
    if tls is not None:
        tls.check()
    listener = announced_listener("Studio", host, port, tls, unencrypted="passwords")
    end_well_on_signals()
    app = create_studio_app(allowed, looked_at)
    studio = studio_behind(app)
    server = http_server(app, tls, on_end=studio.end_streams)
    if open_browser:
        # It listens already: a browser may wait for its first answer.
        bound_host, bound_port = listener.getsockname()[:2]
        address = address_of(bound_host, bound_port, tls)
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        studio.labelling.close()
