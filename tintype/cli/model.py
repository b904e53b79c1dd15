"""`tintype model`: register, list, show, download, archive, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Registered models.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The model's name.")]
Version = Annotated[str | None, typer.Option("-v", "--version", help="The version's number.")]


class ExportFormat(StrEnum):
    """Values of --format."""

    ONNX = "onnx"


@app.command()
def create(
    name: Annotated[str | None, typer.Option("-n", "--name", help="The model's name.")] = None,
    path: Annotated[
        str | None,
        typer.Option(
            "-p", "--path", help="Model folder, job output (azureml://jobs/...) or runs:/..."
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", help="YAML: name, path, ...")] = None,
    version: Version = None,
    type_: Annotated[str | None, typer.Option("-t", "--type", help="mlflow_model.")] = None,
    description: Annotated[str | None, typer.Option("-d", "--description")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tags", help="key=value. Repeatable.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key of --file.")
    ] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Register a model folder as the next version of a name."""
    from tintype.schemas.model import load_model_document, model_document
    from tintype.workspace.registry import register_model

    given = {
        "name": name,
        "path": path,
        "version": version,
        "type": type_,
        "description": description,
    }
    written = {key: value for key, value in given.items() if value is not None}
    if tags:
        written["tags"] = dict(tag.partition("=")[::2] for tag in tags)  # type: ignore[assignment]
    if file is not None:
        document = load_model_document(file, set_ or [], written)
    else:
        document = model_document(written)
    model = register_model(
        document.name,
        document.path,
        version=document.version,
        description=document.description,
        tags=document.tags,
    )
    show(model.shown(), output, query)


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    include_archived: Annotated[bool, typer.Option("--include-archived")] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List models, or the versions of one."""
    from tintype.workspace.registry import list_models

    models = list_models(name, include_archived=include_archived)
    show([model.shown() for model in models], output, query)


@app.command("show")
def show_(
    name: Name,
    version: Version = None,
    label: Annotated[str | None, typer.Option("-l", "--label", help="latest.")] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show one version."""
    from tintype.workspace.registry import get_model

    show(get_model(name, version=version, label=label).shown(), output, query)


@app.command()
def download(
    name: Name,
    version: Version = None,
    path: Annotated[Path, typer.Option("-p", "--download-path", help="Folder to copy to.")] = Path(
        "."
    ),
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Copy a version's model folder to PATH/NAME."""
    from tintype.workspace.registry import download_model

    print(download_model(name, path, version=version))


@app.command()
def archive(
    name: Name,
    version: Version = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Hide a version, or all, from lists."""
    from tintype.workspace.registry import archive_model

    archive_model(name, version=version)


@app.command()
def restore(
    name: Name,
    version: Version = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Bring an archived version back."""
    from tintype.workspace.registry import archive_model

    archive_model(name, version=version, archived=False)


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="Model folder, registered model or job output.")],
    output: Annotated[Path, typer.Option("--output", help="Folder to write.")],
    format_: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.ONNX,
) -> None:
    """Write a model as ONNX, checked against torch, with its pre- and post-processing."""
    from tintype.models.onnx_export import export_onnx
    from tintype.workspace.registry import resolve_model

    print(export_onnx(Path(resolve_model(model)), output))
