"""`tintype data`: check labelled images, keep data assets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tintype.cli.asset_verbs import add_archive_and_restore
from tintype.cli.command import Ended, command
from tintype.cli.options import (
    WITHOUT_EFFECT,
    Description,
    GroupColumn,
    GroupPattern,
    ImageColumn,
    IncludeArchived,
    LabelColumn,
    Name,
    OptionalFile,
    OptionalName,
    Set,
    Version,
    VersionLabel,
)

__all__ = ["app"]

app = typer.Typer(help="Data: check labelled images, keep data assets.", no_args_is_help=True)


class AssetType(StrEnum):
    """Values of --type."""

    URI_FILE = "uri_file"
    URI_FOLDER = "uri_folder"
    MLTABLE = "mltable"


@command(app, azures=False)
def check(
    path: Annotated[str, typer.Argument(help="Labelled images in any layout of docs/data.md.")],
    task: Annotated[
        str | None, typer.Option("--task", help="Told by the labels if left out.")
    ] = None,
    label_column: LabelColumn = "label",
    image_column: ImageColumn = "image_url",
    group_column: GroupColumn = None,
    group_pattern: GroupPattern = None,
) -> object:
    """Read the data and check everything that training would; exit 2 when it cannot be used."""
    from tintype.client import Client

    report = Client().data.check(
        path,
        task=task,
        label_column=label_column,
        image_column=image_column,
        group_column=group_column,
        group_pattern=group_pattern,
    )
    return Ended(report, 2) if report["unreadable_images"] else report


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    version: Version = None,
    path: Annotated[
        str | None, typer.Option("-p", "--path", help="File or folder, azureml://... or a URL.")
    ] = None,
    type_: Annotated[
        AssetType | None, typer.Option("-t", "--type", help="uri_folder if left out.")
    ] = None,
    description: Description = None,
    set_: Set = None,
    datastore: Annotated[
        str | None,
        typer.Option("-z", "--datastore", rich_help_panel=WITHOUT_EFFECT, help="As in az."),
    ] = None,
) -> object:
    """Give a file or folder a name and a version; it stays where it is, nothing is copied."""
    from tintype.client import Client
    from tintype.schemas.data_asset import load_data_asset

    options = {
        "name": name,
        "version": version,
        "path": path,
        "type": type_.value if type_ is not None else None,
        "description": description,
    }
    return Client().data.create_or_update(load_data_asset(file, set_ or [], options))


@command(app, "list")
def list_(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    include_archived: IncludeArchived = False,
) -> object:
    """List the latest version of every asset, or all versions of one, newest first."""
    from tintype.client import Client

    return Client().data.list(name, include_archived=include_archived)


@command(app)
def show(name: Name, version: Version = None, label: VersionLabel = None) -> object:
    """Show a version; the latest where none is named."""
    from tintype.client import Client

    return Client().data.get(name, version, label=label)


add_archive_and_restore(app, "data")
