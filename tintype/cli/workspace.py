"""`tintype workspace`: this machine's workspace, for scripts that ask for one."""

from __future__ import annotations

import typer

from tintype.cli.command import command
from tintype.cli.options import OptionalName

__all__ = ["app"]

app = typer.Typer(help="The workspace: where this machine keeps things.", no_args_is_help=True)


@command(app)
def show(name: OptionalName = None) -> object:
    """Show the workspace: its folder, its MLflow tracking URI."""
    from tintype.client import Client

    return Client().workspaces.get(name)


@command(app, "list")
def list_() -> object:
    """List the one workspace."""
    from tintype.client import Client

    return Client().workspaces.list()
