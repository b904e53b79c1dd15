"""`tintype environment`: the Python that commands run in, by name; and what scripts of Azure's create."""

from __future__ import annotations

from typing import Annotated

import typer

from tintype.cli.asset_verbs import add_archive_and_restore
from tintype.cli.command import command, tell_notices
from tintype.cli.options import (
    Description,
    IncludeArchived,
    Name,
    OptionalFile,
    OptionalName,
    Set,
    Version,
    VersionLabel,
)

__all__ = ["app"]

app = typer.Typer(
    help="Environments: names for the Python that commands run in.",
    no_args_is_help=True,
)


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    version: Version = None,
    image: Annotated[str | None, typer.Option("-i", "--image", help="Container image.")] = None,
    conda_file: Annotated[
        str | None, typer.Option("-c", "--conda-file", help="File of conda packages.")
    ] = None,
    build: Annotated[
        str | None, typer.Option("-b", "--build-context", help="Folder of a Dockerfile.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", help="Interpreter, or the folder of a virtual environment."),
    ] = None,
    os_type: Annotated[str | None, typer.Option("--os-type", help="linux or windows.")] = None,
    description: Description = None,
    set_: Set = None,
) -> object:
    """Keep an environment's document as a version of its name; nothing is built."""
    from tintype.client import Client
    from tintype.schemas.environment import load_environment

    options = {
        "name": name,
        "version": version,
        "image": image,
        "conda_file": conda_file,
        "build": build,
        "python": python,
        "os_type": os_type,
        "description": description,
    }
    document = load_environment(file, set_ or [], options)
    tell_notices(document.notices())
    return Client().environments.create_or_update(document)


@command(app, "list")
def list_(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    include_archived: IncludeArchived = False,
) -> object:
    """List the latest version of every environment, or all versions of one, newest first."""
    from tintype.client import Client

    return Client().environments.list(name, include_archived=include_archived)


@command(app)
def show(name: Name, version: Version = None, label: VersionLabel = None) -> object:
    """Show a version; the latest where none is named."""
    from tintype.client import Client

    return Client().environments.get(name, version, label=label)


add_archive_and_restore(app, "environments")
