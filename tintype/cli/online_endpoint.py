"""`tintype online-endpoint`: addresses with keys, and how their traffic is shared out."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Online endpoints: addresses with keys.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The endpoint's name.")]
OptionalName = Annotated[str | None, typer.Option("-n", "--name", help="The endpoint's name.")]
File = Annotated[Path | None, typer.Option("-f", "--file", help="The endpoint's YAML document.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
]
Traffic = Annotated[
    str | None, typer.Option("-r", "--traffic", help="'blue=90 green=10': percent of requests.")
]
Mirror = Annotated[
    str | None, typer.Option("--mirror-traffic", help="'green=10': percent that it gets copies of.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Accepted; endpoints are there at once.")]
Local = Annotated[bool, typer.Option("--local", hidden=True, help="Accepted: all is local here.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


class KeyType(StrEnum):
    """Values of --key-type."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


@app.command()
def create(
    file: File = None,
    name: OptionalName = None,
    auth_mode: Annotated[str | None, typer.Option("--auth-mode", help="key.")] = None,
    set_: Set = None,
    no_wait: NoWait = False,
    local: Local = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Create an endpoint, or replace its document; an existing one keeps its keys."""
    from tintype.endpoints.online.client import OnlineEndpoints
    from tintype.schemas.online_endpoint import load_online_endpoint

    document = load_online_endpoint(file, set_ or [], {"name": name, "auth_mode": auth_mode})
    for notice in document.notices():
        print(f"notice: {notice}", file=sys.stderr)
    show(OnlineEndpoints().create_or_update(document), output, query)


@app.command()
def update(
    name: OptionalName = None,
    file: File = None,
    traffic: Traffic = None,
    mirror_traffic: Mirror = None,
    set_: Set = None,
    no_wait: NoWait = False,
    local: Local = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Change an endpoint, above all its traffic."""
    from tintype.endpoints.online.client import OnlineEndpoints
    from tintype.errors import UsageError
    from tintype.schemas.document import Document, apply_overrides, read_yaml
    from tintype.schemas.online_endpoint import parse_traffic

    endpoints = OnlineEndpoints()
    changes: dict[str, Any] = dict(read_yaml(file).data) if file is not None else {}
    chosen = name or changes.get("name")
    if chosen is None:
        raise UsageError("which endpoint? give --name, or --file with a name in it")
    changes = {key: value for key, value in changes.items() if key != "$schema"}
    if set_:
        shown = endpoints.get(chosen)
        base = {key: shown[key] for key in ("tags", "properties", "traffic", "mirror_traffic")}
        edited = apply_overrides(Document({**base, **changes}), set_).data
        changes |= {key: edited[key] for key in edited if edited[key] != base.get(key)}
    if traffic is not None:
        changes["traffic"] = parse_traffic(traffic)
    if mirror_traffic is not None:
        changes["mirror_traffic"] = parse_traffic(mirror_traffic)
    show(endpoints.update(chosen, {**changes, "name": chosen}), output, query)


@app.command("show")
def show_endpoint(
    name: Name,
    local: Local = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show one endpoint."""
    from tintype.endpoints.online.client import OnlineEndpoints

    show(OnlineEndpoints().get(name), output, query)


@app.command("list")
def list_endpoints(
    local: Local = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List all endpoints."""
    from tintype.endpoints.online.client import OnlineEndpoints

    show(OnlineEndpoints().list(), output, query)


@app.command()
def delete(
    name: Name,
    yes: Yes = False,
    no_wait: NoWait = False,
    local: Local = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Delete an endpoint with its deployments and keys."""
    from tintype.endpoints.online.client import OnlineEndpoints

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete endpoint {name!r} with its deployments?", abort=True)
    OnlineEndpoints().delete(name)


@app.command()
def invoke(
    name: Name,
    request_file: Annotated[
        Path, typer.Option("-r", "--request-file", help="JSON request, or an image.")
    ],
    deployment: Annotated[
        str | None, typer.Option("-d", "--deployment-name", "--deployment", help="Ask this one.")
    ] = None,
    local: Local = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Send a request with the primary key and print the answer."""
    from tintype.endpoints.online.client import OnlineEndpoints
    from tintype.errors import UsageError

    try:
        request = request_file.read_bytes()
    except OSError as error:
        raise UsageError(f"--request-file {request_file}: {error.strerror}") from None
    kind = (
        "application/json" if request.lstrip()[:1] in (b"{", b"[") else "application/octet-stream"
    )
    answer = OnlineEndpoints().invoke(name, request, deployment_name=deployment, content_type=kind)
    print(answer.decode("utf-8"))


@app.command("get-credentials")
def get_credentials(
    name: Name,
    local: Local = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show the keys that were made in this workspace."""
    from tintype.endpoints.online.client import OnlineEndpoints

    show(OnlineEndpoints().get_keys(name), output, query)


@app.command("regenerate-keys")
def regenerate_keys(
    name: Name,
    key_type: Annotated[
        KeyType, typer.Option("--key-type", help="Which; the other goes on.")
    ] = KeyType.PRIMARY,
    no_wait: NoWait = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Replace one of the two keys."""
    from tintype.endpoints.online.client import OnlineEndpoints

    show(OnlineEndpoints().regenerate_keys(name, key_type.value), output, query)
