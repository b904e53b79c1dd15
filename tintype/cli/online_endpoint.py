"""`tintype online-endpoint`: addresses with keys, and how their traffic is shared out."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.command import Ended, command, confirm, tell_notices
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


@command(app, azures=False)
def shift(
    name: OptionalName = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Deployment without traffic: the challenger.")
    ] = None,
    file: OptionalFile = None,
    steps: Annotated[
        str | None, typer.Option("--steps", help="Percent of the traffic: 5,25,50,100.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", help="How long a step takes at least: 10m.")
    ] = None,
    bounds: Annotated[
        str | None,
        typer.Option("--bounds", help="errors=1%,latency_p95=1.5x,disagreement=10%"),
    ] = None,
    mirror: Annotated[
        int | None,
        typer.Option("--mirror", help="Percent mirrored first, with a bound of disagreement."),
    ] = None,
    min_requests: Annotated[
        int | None, typer.Option("--min-requests", help="Of each side, before a step is judged.")
    ] = None,
    set_: Set = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it ends; exit with 1 unless it is completed.")
    ] = False,
) -> object:
    """Shift the traffic to a challenger in steps; it goes back by itself when a bound is passed."""
    from tintype.client import Client
    from tintype.schemas.traffic_shift import load_traffic_shift, parse_bounds, parse_steps

    options = {
        "endpoint": name,
        "to": to,
        "steps": None if steps is None else parse_steps(steps),
        "every": every,
        "bounds": None if bounds is None else parse_bounds(bounds),
        "mirror": mirror,
        "min_requests": min_requests,
    }
    endpoints = Client().online_endpoints
    document = load_traffic_shift(file, set_ or [], options)
    shown = endpoints.shift(document)
    while wait and shown["status"] == "running":
        time.sleep(1)
        shown = endpoints.show_shift(document.endpoint)
    return Ended(shown, int(wait and shown["status"] != "completed"))


@command(app, "show-shift", azures=False)
def show_shift(name: Name) -> object:
    """Show the shift of traffic that is under way, or the last one, with what is measured."""
    from tintype.client import Client

    return Client().online_endpoints.show_shift(name)


@command(app, "list-shifts", azures=False)
def list_shifts(name: Name) -> object:
    """List all shifts of an endpoint's traffic, the newest first."""
    from tintype.client import Client

    return Client().online_endpoints.list_shifts(name)


@command(app, "cancel-shift", azures=False)
def cancel_shift(name: Name) -> object:
    """End the shift under way: the champion has all of the traffic again."""
    from tintype.client import Client

    return Client().online_endpoints.cancel_shift(name)


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
