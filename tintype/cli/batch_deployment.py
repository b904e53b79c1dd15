"""`tintype batch-deployment`: models behind batch endpoints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Batch deployments: models behind batch endpoints.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The deployment's name.")]
OptionalName = Annotated[str | None, typer.Option("-n", "--name", help="The deployment's name.")]
Endpoint = Annotated[str, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")]
OptionalEndpoint = Annotated[
    str | None, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
]
SetDefault = Annotated[
    bool, typer.Option("--set-default", help="Have the endpoint use it where none is named.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Accepted; deployments are there at once.")]
Hidden = Annotated[bool, typer.Option(hidden=True, help="Accepted as Azure's; no effect.")]


@app.command()
def create(
    file: Annotated[Path, typer.Option("-f", "--file", help="The deployment's YAML document.")],
    name: OptionalName = None,
    endpoint: OptionalEndpoint = None,
    set_: Set = None,
    set_default: SetDefault = False,
    skip_script_validation: Hidden = False,
    no_wait: NoWait = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Create a deployment, or replace one."""
    from tintype.endpoints.batch.client import BatchDeployments
    from tintype.schemas.batch_deployment import load_batch_deployment

    document = load_batch_deployment(file, set_ or [], {"name": name, "endpoint_name": endpoint})
    for notice in document.notices():
        print(f"notice: {notice}", file=sys.stderr)
    show(BatchDeployments().create_or_update(document, set_default=set_default), output, query)


@app.command()
def update(
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Its new YAML document.")
    ] = None,
    name: OptionalName = None,
    endpoint: OptionalEndpoint = None,
    set_: Set = None,
    set_default: SetDefault = False,
    skip_script_validation: Hidden = False,
    no_wait: NoWait = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Change a deployment; jobs under way go on as they began."""
    from tintype.endpoints.batch.client import BatchDeployments
    from tintype.errors import UsageError
    from tintype.schemas.batch_deployment import load_batch_deployment

    deployments = BatchDeployments()
    if file is not None:
        options = {"name": name, "endpoint_name": endpoint}
        document = load_batch_deployment(file, set_ or [], options)
    elif name is not None and endpoint is not None:
        document = deployments.edited(name, endpoint, set_ or [])
    else:
        raise UsageError("which deployment? give --file, or --name and --endpoint-name")
    show(deployments.update(document, set_default=set_default), output, query)


@app.command("show")
def show_deployment(
    name: Name,
    endpoint: Endpoint,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show one deployment."""
    from tintype.endpoints.batch.client import BatchDeployments

    show(BatchDeployments().get(name, endpoint), output, query)


@app.command("list")
def list_deployments(
    endpoint: Endpoint,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List the deployments of an endpoint."""
    from tintype.endpoints.batch.client import BatchDeployments

    show(BatchDeployments().list(endpoint), output, query)


@app.command()
def delete(
    name: Name,
    endpoint: Endpoint,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Delete a deployment; its jobs stay."""
    from tintype.endpoints.batch.client import BatchDeployments

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete deployment {name!r} of endpoint {endpoint!r}?", abort=True)
    BatchDeployments().delete(name, endpoint)


@app.command("list-jobs")
def list_jobs(
    name: Name,
    endpoint: Endpoint,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List the jobs that a deployment works on or has worked on, newest first."""
    from tintype.endpoints.batch.client import BatchDeployments

    show([run.shown() for run in BatchDeployments().list_jobs(name, endpoint)], output, query)
