"""`tintype up`, `down`, `status`: the daemon that serves online endpoints."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.command import command

__all__ = ["app"]

app = typer.Typer()

_DOWN_SECONDS = 60.0


@command(app, azures=False)
def up(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; kept.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Kept. First: 8080, if free.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="PEM file, for HTTPS; kept.")
    ] = None,
    private_key: Annotated[Path | None, typer.Option("--private-key", help="Its PEM file.")] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay here until Ctrl-C or SIGTERM.")
    ] = False,
) -> object:
    """Start the daemon that serves this workspace's endpoints; it goes on where it was."""
    from tintype.endpoints.online.daemon import control
    from tintype.endpoints.online.daemon.config import load_config, save_config
    from tintype.endpoints.online.gateway.http_server import Tls
    from tintype.errors import UsageError

    Tls.of(certificate, private_key)
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "certificate": certificate and str(certificate.absolute()),
        "private_key": private_key and str(private_key.absolute()),
    }
    changes = {key: value for key, value in given.items() if value is not None}
    running = control.daemon_answers()
    if running and changes:
        raise UsageError("the daemon runs already; `tintype down` it first to change its address")
    if not running:
        config = dataclasses.replace(load_config(), **changes)
        if config.tls is not None:
            config.tls.check()
        if changes:
            save_config(config)
        if foreground:
            from tintype.endpoints.online.daemon.process import main

            raise typer.Exit(main())
        control.start_daemon()
    return control.ask_daemon("status")


@command(app, azures=False)
def down() -> None:
    """Stop the daemon: requests under way are finished, endpoints stay on record."""
    from tintype.endpoints.online.daemon import control

    if not control.daemon_answers():
        print("the daemon does not run", file=sys.stderr)
        return
    control.ask_daemon("stop", start=False)
    deadline = time.monotonic() + _DOWN_SECONDS
    while control.daemon_answers() and time.monotonic() < deadline:
        time.sleep(0.1)


@command(app, azures=False)
def status() -> object:
    """Show whether the daemon runs, and where it listens."""
    from tintype.endpoints.online.daemon import control

    return control.ask_daemon("status", start=False)
