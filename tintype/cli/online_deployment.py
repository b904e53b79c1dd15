"""`tintype online-deployment`: models behind endpoints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Online deployments: models behind endpoints.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The deployment's name.")]
OptionalName = Annotated[str | None, typer.Option("-n", "--name", help="The deployment's name.")]
Endpoint = Annotated[str, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")]
OptionalEndpoint = Annotated[
    str | None, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
]
AllTraffic = Annotated[
    bool, typer.Option("--all-traffic", help="Give it all of the endpoint's traffic.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return before it answers.")]
Hidden = Annotated[bool, typer.Option(hidden=True, help="Accepted as Azure's; no effect.")]


@app.command()
def create(
    file: Annotated[Path, typer.Option("-f", "--file", help="The deployment's YAML document.")],
    name: OptionalName = None,
    endpoint: OptionalEndpoint = None,
    set_: Set = None,
    all_traffic: AllTraffic = False,
    no_wait: NoWait = False,
    skip_script_validation: Hidden = False,
    local: Hidden = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Create a deployment and wait until it answers."""
    from tintype.endpoints.online.client import OnlineDeployments
    from tintype.schemas.online_deployment import load_online_deployment

    document = load_online_deployment(file, set_ or [], {"name": name, "endpoint_name": endpoint})
    for notice in document.notices():
        print(f"notice: {notice}", file=sys.stderr)
    shown = OnlineDeployments().create(
        document, all_traffic=all_traffic, wait=not no_wait, tell=_tell
    )
    show(shown, output, query)


@app.command()
def update(
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Its new YAML document.")
    ] = None,
    name: OptionalName = None,
    endpoint: OptionalEndpoint = None,
    set_: Set = None,
    all_traffic: AllTraffic = False,
    no_wait: NoWait = False,
    skip_script_validation: Hidden = False,
    local: Hidden = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Change a deployment; what serves goes on until the new instances do."""
    from tintype.endpoints.online.client import OnlineDeployments
    from tintype.errors import UsageError
    from tintype.schemas.online_deployment import load_online_deployment

    deployments = OnlineDeployments()
    if file is not None:
        options = {"name": name, "endpoint_name": endpoint}
        document = load_online_deployment(file, set_ or [], options)
    elif name is not None and endpoint is not None:
        document = deployments.edited(name, endpoint, set_ or [])
    else:
        raise UsageError("which deployment? give --file, or --name and --endpoint-name")
    shown = deployments.update(document, all_traffic=all_traffic, wait=not no_wait, tell=_tell)
    show(shown, output, query)


@app.command("show")
def show_deployment(
    name: Name,
    endpoint: Endpoint,
    local: Hidden = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show one deployment."""
    from tintype.endpoints.online.client import OnlineDeployments

    show(OnlineDeployments().get(name, endpoint), output, query)


@app.command("list")
def list_deployments(
    endpoint: Endpoint,
    local: Hidden = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List the deployments of an endpoint."""
    from tintype.endpoints.online.client import OnlineDeployments

    show(OnlineDeployments().list(endpoint), output, query)


@app.command()
def delete(
    name: Name,
    endpoint: Endpoint,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    local: Hidden = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Delete a deployment that takes no traffic."""
    from tintype.endpoints.online.client import OnlineDeployments

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete deployment {name!r} of endpoint {endpoint!r}?", abort=True)
    OnlineDeployments().delete(name, endpoint)


@app.command("get-logs")
def get_logs(
    name: Name,
    endpoint: Endpoint,
    lines: Annotated[int, typer.Option("-l", "--lines", min=1, help="The last so many.")] = 5000,
    container: Annotated[
        str | None, typer.Option("-c", "--container", help="Accepted as Azure's; there is one log.")
    ] = None,
    local: Hidden = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Print what the deployment's instances wrote."""
    from tintype.endpoints.online.client import OnlineDeployments

    print(OnlineDeployments().get_logs(name, endpoint, lines=lines))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
