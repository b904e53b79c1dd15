"""`tintype label serve`: all projects behind HTTP, until it is told to stop."""

from __future__ import annotations

import logging
import sys
import threading

from tintype.endpoints.online.gateway.http_server import (
    Tls,
    address_of,
    end_well_on_signals,
    http_server,
    is_loopback,
    listen,
    log_to_stderr,
)
from tintype.errors import TintypeError
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.assistants_apart import AssistantsApart
from tintype.labelling.database import Database, open_database
from tintype.labelling.doing import finish_actions
from tintype.labelling.server.app import create_labelling_app

__all__ = ["serve_labelling"]

_LOG = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0005


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
    database = open_database()
    listener = listen(host, port)
    assistants = AssistantsApart(database)
    log_to_stderr()
    address, bound = listener.getsockname()[:2]
    print(f"Labelling at {address_of(address, bound, tls)}", flush=True)
    if not local and tls is None:
        print(
            "notice: without --certificate, passwords and pictures pass unencrypted; use this in a "
            "network that you trust, or behind a proxy with TLS",
            flush=True,
        )
    # A request gives the interpreter away at each statement, and waits so long for it where an export or an action
    # about many pictures has it; by default 5 ms, a dozen times a request.
    sys.setswitchinterval(_SWITCH_SECONDS)
    end_well_on_signals()
    stop = threading.Event()
    finishing = threading.Thread(target=_finish_actions, args=(database, stop), daemon=True)
    finishing.start()
    try:
        app = create_labelling_app(database, assistants, local=local, folders=folders)
        http_server(app, tls).run(sockets=[listener])
    finally:
        stop.set()
        assistants.close()
        finishing.join()
        database.close()


def _finish_actions(database: Database, stop: threading.Event) -> None:
    """Those in whose midst a server was killed; people need not wait for them."""
    try:
        finish_actions(database, stop=stop)
    except TintypeError as error:
        _LOG.warning("an action about many pictures is left half done: %s", error)
