"""`tintype batch-deployment`: models behind batch endpoints."""

from __future__ import annotations

from typing import Annotated

import typer

from tintype.cli.command import command, confirm, tell_notices
from tintype.cli.options import (
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

app = typer.Typer(help="Batch deployments: models behind batch endpoints.", no_args_is_help=True)

SetDefault = Annotated[
    bool, typer.Option("--set-default", help="Have the endpoint use it where none is named.")
]


@command(app)
def create(
    file: File,
    name: OptionalName = None,
    endpoint: OptionalEndpointName = None,
    set_: Set = None,
    set_default: SetDefault = False,
    skip_script_validation: Ignored = False,
    no_wait: NoWait = False,
) -> object:
    """Create a deployment, or replace one."""
    from tintype.client import Client
    from tintype.schemas.batch_deployment import load_batch_deployment
    from tintype.workspace.computes import placed

    document = load_batch_deployment(file, set_ or [], {"name": name, "endpoint_name": endpoint})
    document = placed(document)
    tell_notices(document.notices())
    return Client().batch_deployments.create_or_update(document, set_default=set_default)


@command(app)
def update(
    file: OptionalFile = None,
    name: OptionalName = None,
    endpoint: OptionalEndpointName = None,
    set_: Set = None,
    set_default: SetDefault = False,
    skip_script_validation: Ignored = False,
    no_wait: NoWait = False,
) -> object:
    """Change a deployment; jobs under way go on as they began."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.schemas.batch_deployment import load_batch_deployment
    from tintype.workspace.computes import placed

    deployments = Client().batch_deployments
    if file is not None:
        options = {"name": name, "endpoint_name": endpoint}
        document = load_batch_deployment(file, set_ or [], options)
    elif name is not None and endpoint is not None:
        document = deployments.edited(name, endpoint, set_ or [])
    else:
        raise UsageError("which deployment? give --file, or --name and --endpoint-name")
    document = placed(document)
    tell_notices(document.notices())
    return deployments.update(document, set_default=set_default)


@command(app)
def show(name: Name, endpoint: EndpointName) -> object:
    """Show one deployment."""
    from tintype.client import Client

    return Client().batch_deployments.get(name, endpoint)


@command(app, "list")
def list_(endpoint: EndpointName) -> object:
    """List the deployments of an endpoint."""
    from tintype.client import Client

    return Client().batch_deployments.list(endpoint)


@command(app)
def delete(name: Name, endpoint: EndpointName, yes: Yes = False, no_wait: NoWait = False) -> None:
    """Delete a deployment; its jobs stay."""
    from tintype.client import Client

    confirm(f"Delete deployment {name!r} of endpoint {endpoint!r}?", yes)
    Client().batch_deployments.delete(name, endpoint)


@command(app, "list-jobs")
def list_jobs(name: Name, endpoint: EndpointName) -> object:
    """List the jobs that a deployment works on or has worked on, newest first."""
    from tintype.client import Client

    return Client().batch_deployments.list_jobs(name, endpoint)
