"""`tintype component`: steps of pipelines, the workspace's own and those of Azure's registry."""

from __future__ import annotations

from typing import Annotated

import typer

from tintype.cli.asset_verbs import add_archive_and_restore
from tintype.cli.command import command
from tintype.cli.options import (
    IncludeArchived,
    Name,
    OptionalFile,
    OptionalName,
    RegistryName,
    Set,
    Version,
    VersionLabel,
)

__all__ = ["app"]

app = typer.Typer(help="Components: steps of pipelines.", no_args_is_help=True)


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    version: Version = None,
    set_: Set = None,
) -> object:
    """Keep a component's document as a version of its name."""
    from tintype.client import Client
    from tintype.schemas.component import load_component

    document = load_component(file, set_ or [], {"name": name, "version": version})
    return Client().components.create_or_update(document)


@command(app, "list")
def list_(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    registry_name: RegistryName = None,
    include_archived: IncludeArchived = False,
) -> object:
    """List the workspace's components, the versions of one, or the catalog's."""
    from tintype.client import Client

    return Client().components.list(
        name, include_archived=include_archived, in_catalog=registry_name is not None
    )


@command(app)
def show(
    name: Name,
    version: Version = None,
    label: VersionLabel = None,
    registry_name: RegistryName = None,
) -> object:
    """Show a version: what it takes and gives; the latest where none is named."""
    from tintype.client import Client

    return Client().components.get(name, version, label=label, in_catalog=registry_name is not None)


add_archive_and_restore(app, "components")
