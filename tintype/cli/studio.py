"""`tintype studio`: the workspace in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def studio(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")
    ] = 8082,
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
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="PEM file, for HTTPS.")
    ] = None,
    private_key: Annotated[Path | None, typer.Option("--private-key", help="Its PEM file.")] = None,
) -> None:
    """Show the workspace in a browser: jobs, data, models, endpoints, labelling; until Ctrl-C or SIGTERM."""
    from tintype.endpoints.online.gateway.http_server import Tls
    from tintype.errors import UsageError
    from tintype.studio.serving import serve_studio

    password = None
    if password_file is not None:
        try:
            password = password_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{password_file}: cannot be read: {error}") from None
    serve_studio(
        host=host,
        port=port,
        tls=Tls.of(certificate, private_key),
        people=people or [],
        password=password,
        open_browser=not no_browser,
    )
