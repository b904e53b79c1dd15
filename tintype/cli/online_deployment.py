"""`tintype online-deployment`: models behind endpoints."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tintype.cli.command import command, confirm, tell_notices
from tintype.cli.options import (
    WITHOUT_EFFECT,
    EndpointName,
    File,
    Ignored,
    Name,
    NoWait,
    OptionalEndpointName,
    OptionalFile,
    OptionalName,
    Set,
    Yes,
)

__all__ = ["app"]

app = typer.Typer(help="Online deployments: models behind endpoints.", no_args_is_help=True)

Web = Annotated[bool, typer.Option("--web", help="As in az.", rich_help_panel=WITHOUT_EFFECT)]
AllTraffic = Annotated[
    bool, typer.Option("--all-traffic", help="Give it all of the endpoint's traffic.")
]


@command(app)
def create(
    file: File,
    name: OptionalName = None,
    endpoint: OptionalEndpointName = None,
    set_: Set = None,
    all_traffic: AllTraffic = False,
    no_wait: NoWait = False,
    skip_script_validation: Ignored = False,
    local: Ignored = False,
    web: Web = False,
) -> object:
    """Create a deployment and wait until it answers."""
    from tintype.client import Client
    from tintype.schemas.online_deployment import load_online_deployment
    from tintype.workspace.computes import placed

    document = load_online_deployment(file, set_ or [], {"name": name, "endpoint_name": endpoint})
    document = placed(document)
    tell_notices(document.notices())
    return Client().online_deployments.create(
        document, all_traffic=all_traffic, wait=not no_wait, tell=_tell
    )


@command(app)
def update(
    file: OptionalFile = None,
    name: OptionalName = None,
    endpoint: OptionalEndpointName = None,
    set_: Set = None,
    all_traffic: AllTraffic = False,
    no_wait: NoWait = False,
    skip_script_validation: Ignored = False,
    local: Ignored = False,
    web: Web = False,
) -> object:
    """Change a deployment; what serves goes on until the new instances do."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.schemas.online_deployment import load_online_deployment
    from tintype.workspace.computes import placed

    deployments = Client().online_deployments
    if file is not None:
        options = {"name": name, "endpoint_name": endpoint}
        document = load_online_deployment(file, set_ or [], options)
    elif name is not None and endpoint is not None:
        document = deployments.edited(name, endpoint, set_ or [])
    else:
        raise UsageError("which deployment? give --file, or --name and --endpoint-name")
    document = placed(document)
    tell_notices(document.notices())
    return deployments.update(document, all_traffic=all_traffic, wait=not no_wait, tell=_tell)


@command(app)
def show(name: Name, endpoint: EndpointName, local: Ignored = False) -> object:
    """Show one deployment."""
    from tintype.client import Client

    return Client().online_deployments.get(name, endpoint)


@command(app, "list")
def list_(endpoint: EndpointName, local: Ignored = False) -> object:
    """List the deployments of an endpoint."""
    from tintype.client import Client

    return Client().online_deployments.list(endpoint)


@command(app)
def delete(
    name: Name,
    endpoint: EndpointName,
    yes: Yes = False,
    no_wait: NoWait = False,
    local: Ignored = False,
) -> None:
    """Delete a deployment that takes no traffic."""
    from tintype.client import Client

    confirm(f"Delete deployment {name!r} of endpoint {endpoint!r}?", yes)
    Client().online_deployments.delete(name, endpoint)


@command(app, "get-logs")
def get_logs(
    name: Name,
    endpoint: EndpointName,
    lines: Annotated[int, typer.Option("-l", "--lines", min=1, help="The last so many.")] = 5000,
    container: Annotated[
        str | None, typer.Option("-c", "--container", help="Accepted as Azure's; there is one log.")
    ] = None,
    local: Ignored = False,
) -> None:
    """Print what the deployment's instances wrote."""
    from tintype.client import Client

    print(Client().online_deployments.get_logs(name, endpoint, lines=lines))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
