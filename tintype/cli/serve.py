"""`tintype serve`: a model behind HTTP, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.options import Certificate, Host, Port, PrivateKey
from tintype.cli.scoring_options import takes_scoring

__all__ = ["app"]

app = typer.Typer()


@app.command()
@takes_scoring
def serve(
    model: Annotated[
        str, typer.Argument(help="Model folder, registered model, job output or Hub id.")
    ],
    host: Host = "127.0.0.1",
    port: Port = 8080,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="File with the key; else TINTYPE_KEY; else made up."),
    ] = None,
    scoring: Any = None,
    style: Annotated[
        str, typer.Option("--response-style", help="probs (all classes), list or ranked.")
    ] = "probs",
    on_row_error: Annotated[
        str, typer.Option("--on-row-error", help="fail: a bad row refuses its request; or skip.")
    ] = "fail",
    certificate: Certificate = None,
    private_key: PrivateKey = None,
    timeout_ms: Annotated[
        int, typer.Option("--request-timeout-ms", min=1, max=180_000, help="Then 408.")
    ] = 5000,
) -> None:
    """Serve a model: POST /score with a key, until Ctrl-C or SIGTERM."""
    from tintype.endpoints.online.gateway.http_server import Tls
    from tintype.endpoints.online.server import serve_model
    from tintype.workspace.registry import resolve_model

    serve_model(
        resolve_model(model),
        scoring,
        host=host,
        port=port,
        key_file=key_file,
        style=style,
        on_row_error=on_row_error,
        tls=Tls.of(certificate, private_key),
        timeout_ms=timeout_ms,
    )
