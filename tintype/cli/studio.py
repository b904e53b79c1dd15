"""`tintype studio`: the workspace in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.options import Certificate, Host, Port, PrivateKey, text_in

__all__ = ["app"]

app = typer.Typer()


@app.command()
def studio(
    host: Host = "127.0.0.1",
    port: Port = 8082,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    people: Annotated[
        list[str] | None,
        typer.Option("--person", help="Who may sign in beyond this machine. Repeatable."),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with a new password of theirs.")
    ] = None,
    certificate: Certificate = None,
    private_key: PrivateKey = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "-p", "--data", help="Folder whose pictures may be looked at, too. Repeatable."
        ),
    ] = None,
) -> None:
    """Show the workspace in a browser: jobs, data, models, endpoints, labelling; until Ctrl-C or SIGTERM."""
    from tintype.endpoints.online.gateway.http_server import Tls
    from tintype.studio.serving import serve_studio

    password = text_in(password_file)
    serve_studio(
        host=host,
        port=port,
        tls=Tls.of(certificate, private_key),
        people=people or [],
        folders=data or [],
        password=None if password is None else password.strip(),
        open_browser=not no_browser,
    )
