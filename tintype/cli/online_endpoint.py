"""`tintype online-endpoint`: addresses with keys, and how their traffic is shared out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.command import command, confirm, tell_notices
from tintype.cli.options import (
    Deployment,
    Ignored,
    Name,
    NoWait,
    OptionalFile,
    OptionalName,
    Set,
    Yes,
)

__all__ = ["app"]

app = typer.Typer(help="Online endpoints: addresses with keys.", no_args_is_help=True)


class KeyType(StrEnum):
    """Values of --key-type."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    auth_mode: Annotated[str | None, typer.Option("--auth-mode", help="key.")] = None,
    set_: Set = None,
    no_wait: NoWait = False,
    local: Ignored = False,
) -> object:
    """Create an endpoint, or replace its document; an existing one keeps its keys."""
    from tintype.client import Client
    from tintype.schemas.online_endpoint import load_online_endpoint

    document = load_online_endpoint(file, set_ or [], {"name": name, "auth_mode": auth_mode})
    tell_notices(document.notices())
    return Client().online_endpoints.create_or_update(document)


@command(app)
def update(
    name: OptionalName = None,
    file: OptionalFile = None,
    traffic: Annotated[
        str | None, typer.Option("-r", "--traffic", help="'blue=90 green=10': percent of requests.")
    ] = None,
    mirror_traffic: Annotated[
        str | None,
        typer.Option("--mirror-traffic", help="'green=10': percent that it gets copies of."),
    ] = None,
    set_: Set = None,
    no_wait: NoWait = False,
    local: Ignored = False,
) -> object:
    """Change an endpoint, above all its traffic."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.schemas.document import Document, apply_overrides, read_yaml
    from tintype.schemas.online_endpoint import parse_traffic

    endpoints = Client().online_endpoints
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
    return endpoints.update(chosen, {**changes, "name": chosen})


@command(app)
def show(name: Name, local: Ignored = False) -> object:
    """Show one endpoint."""
    from tintype.client import Client

    return Client().online_endpoints.get(name)


@command(app, "list")
def list_(local: Ignored = False) -> object:
    """List all endpoints."""
    from tintype.client import Client

    return Client().online_endpoints.list()


@command(app)
def delete(name: Name, yes: Yes = False, no_wait: NoWait = False, local: Ignored = False) -> None:
    """Delete an endpoint with its deployments and keys."""
    from tintype.client import Client

    confirm(f"Delete endpoint {name!r} with its deployments?", yes)
    Client().online_endpoints.delete(name)


@command(app)
def invoke(
    name: Name,
    request_file: Annotated[
        Path, typer.Option("-r", "--request-file", help="JSON request, or an image.")
    ],
    deployment: Deployment = None,
    local: Ignored = False,
) -> None:
    """Send a request with the primary key and print the answer."""
    from tintype.client import Client
    from tintype.errors import UsageError

    try:
        request = request_file.read_bytes()
    except OSError as error:
        raise UsageError(f"--request-file {request_file}: {error.strerror}") from None
    kind = (
        "application/json" if request.lstrip()[:1] in (b"{", b"[") else "application/octet-stream"
    )
    answer = Client().online_endpoints.invoke(
        name, request, deployment_name=deployment, content_type=kind
    )
    print(answer.decode("utf-8"))


@command(app, "get-credentials")
def get_credentials(name: Name, local: Ignored = False) -> object:
    """Show the keys that were made in this workspace."""
    from tintype.client import Client

    return Client().online_endpoints.get_keys(name)


@command(app, "regenerate-keys")
def regenerate_keys(
    name: Name,
    key_type: Annotated[
        KeyType, typer.Option("--key-type", help="Which; the other goes on.")
    ] = KeyType.PRIMARY,
    no_wait: NoWait = False,
) -> object:
    """Replace one of the two keys."""
    from tintype.client import Client

    return Client().online_endpoints.regenerate_keys(name, key_type.value)
