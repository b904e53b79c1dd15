"""Data: check labelled images, keep data assets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Data: check labelled images, keep data assets.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The asset's name.")]
Version = Annotated[str | None, typer.Option("-v", "--version", help="The asset's version.")]


class AssetType(StrEnum):
    """Values of --type."""

    URI_FILE = "uri_file"
    URI_FOLDER = "uri_folder"
    MLTABLE = "mltable"


@app.command()
def check(
    path: Annotated[
        str, typer.Argument(help="MLTable folder, .jsonl, .csv, or folder of class folders.")
    ],
    task: Annotated[
        str | None, typer.Option("--task", help="Told by the labels if left out.")
    ] = None,
    label_column: Annotated[str, typer.Option("--label-column-name")] = "label",
    image_column: Annotated[str, typer.Option("--input-column-names")] = "image_url",
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Read the data and check everything that training would; exit 2 when it cannot be used."""
    from tintype.data.checks import check_training_table
    from tintype.data.reading import read_image_table
    from tintype.images.readability import find_unreadable
    from tintype.schemas.task import parse_training_task

    table = read_image_table(
        path,
        task=parse_training_task(task) if task else None,
        label_column=label_column,
        image_column=image_column,
    )
    check_training_table(table)
    unreadable: list[dict[str, Any]] = []
    for row, reason in find_unreadable(table):
        file, line = table.origin(row)
        unreadable.append(
            {"file": file, "line": line, "image": table.location(row), "reason": reason}
        )
    counts = dict(zip(table.classes, table.class_counts().tolist(), strict=True))
    report = {
        "task": table.task,
        "images": len(table),
        "classes": counts,
        "unreadable_images": unreadable,
    }
    show(report, output, query)
    if unreadable:
        raise typer.Exit(2)


@app.command()
def create(
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The asset's YAML document.")
    ] = None,
    name: Annotated[str | None, typer.Option("-n", "--name", help="The asset's name.")] = None,
    version: Annotated[
        str | None, typer.Option("-v", "--version", help="The next number if left out.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("-p", "--path", help="File or folder, azureml://... or a URL.")
    ] = None,
    type_: Annotated[
        AssetType | None, typer.Option("-t", "--type", help="uri_folder if left out.")
    ] = None,
    description: Annotated[str | None, typer.Option("-d", "--description")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
    ] = None,
    datastore: Annotated[
        str | None,
        typer.Option("-z", "--datastore", hidden=True, help="Accepted as Azure's; no effect."),
    ] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Give a file or folder a name and a version; it stays where it is, nothing is copied."""
    from tintype.schemas.data_asset import load_data_asset
    from tintype.workspace.data_assets import DataAssetStore

    options = {
        "name": name,
        "version": version,
        "path": path,
        "type": type_.value if type_ is not None else None,
        "description": description,
    }
    document = load_data_asset(file, set_ or [], options)
    show(DataAssetStore().create(document).shown(), output, query)


@app.command("list")
def list_assets(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    include_archived: Annotated[bool, typer.Option("--include-archived")] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List the latest version of every asset, or all versions of one, newest first."""
    from tintype.workspace.data_assets import DataAssetStore

    assets = DataAssetStore().list(name, include_archived=include_archived)
    show([asset.shown() for asset in assets], output, query)


@app.command("show")
def show_asset(
    name: Name,
    version: Version = None,
    label: Annotated[str | None, typer.Option("-l", "--label", help="latest.")] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show a version; the latest where none is named."""
    from tintype.workspace.data_assets import DataAssetStore

    show(DataAssetStore().get(name, version, label=label).shown(), output, query)


@app.command()
def archive(
    name: Name,
    version: Version = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Hide a version, or all, from lists and from @latest."""
    from tintype.workspace.data_assets import DataAssetStore

    DataAssetStore().archive(name, version)


@app.command()
def restore(
    name: Name,
    version: Version = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Bring an archived version, or all, back."""
    from tintype.workspace.data_assets import DataAssetStore

    DataAssetStore().archive(name, version, archived=False)
