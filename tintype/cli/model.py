"""`tintype model`: register, import, list, show, download, archive, export, quantise."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show
from tintype.cli.scoring_options import Calibration, Pooling, TaskName, images_in
from tintype.errors import UsageError

__all__ = ["app"]

app = typer.Typer(help="Registered models, and the catalog.", no_args_is_help=True)

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
    registry: Annotated[
        bool, typer.Option("--registry", help="The catalog instead of the workspace.")
    ] = False,
    registry_name: Annotated[
        str | None, typer.Option("--registry-name", help="As Azure's; the same as --registry.")
    ] = None,
    include_archived: Annotated[bool, typer.Option("--include-archived")] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List the workspace's models, the versions of one, or the catalog."""
    from tintype.workspace.registry import list_models

    if registry or registry_name is not None:
        from tintype.models.catalog import list_cards

        as_lines = output in (Format.TABLE, Format.TSV)
        cards = [card for card in list_cards() if name is None or name.lower() in card.name.lower()]
        show([card.summary() if as_lines else card.shown() for card in cards], output, query)
        return

    models = list_models(name, include_archived=include_archived)
    show([model.shown() for model in models], output, query)


@app.command("show")
def show_(
    model: Annotated[
        str | None,
        typer.Argument(help="Registered model, catalog name, Hub id or azureml://registries/..."),
    ] = None,
    name: Annotated[str | None, typer.Option("-n", "--name", help="The same, as Azure's.")] = None,
    version: Version = None,
    label: Annotated[str | None, typer.Option("-l", "--label", help="latest.")] = None,
    registry_name: Annotated[
        str | None, typer.Option("--registry-name", help="Look in the catalog only.")
    ] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show a registered model's version, or a card of the catalog."""
    from tintype.models.catalog import find_card
    from tintype.workspace.registry import get_model, list_models

    wanted = model or name
    if wanted is None:
        raise UsageError("name the model to show")
    in_workspace = registry_name is None and bool(list_models(wanted, include_archived=True))
    card = None if in_workspace else find_card(wanted)
    if card is not None:
        show(card.shown(), output, query)
        return
    show(get_model(wanted, version=version, label=label).shown(), output, query)


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(help="Catalog name, Hub id, or folder with config.json and weights.")
    ],
    name: Annotated[
        str | None, typer.Option("-n", "--name", help="Name to register it under.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="Hub branch, tag or commit; else main.")
    ] = None,
    task: TaskName = None,
    allow_bin: Annotated[
        bool,
        typer.Option(
            "--allow-bin", help="Convert weights from a .bin file, read with weights_only."
        ),
    ] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Bring a checkpoint from the Hub, or from a folder, into the workspace."""
    from tintype.workspace.importing import import_model

    model = import_model(source, name=name, revision=revision, task=task, allow_bin=allow_bin)
    show(model.shown(), output, query)


@app.command()
def quantize(
    model: Annotated[
        str, typer.Argument(help="Model folder, registered model, catalog name or Hub id.")
    ],
    images: Calibration,
    min_agreement: Annotated[
        float,
        typer.Option("--min-agreement", min=0, max=1, help="Below it, int8 is refused."),
    ] = 0.98,
    task: TaskName = None,
    pooling: Pooling = "auto",
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Calibrate int8 on your own images; `--precision int8` then finds it."""
    from tintype.scoring import Scorer
    from tintype.workspace.registry import resolve_model

    scorer = Scorer.load(
        resolve_model(model),
        task=task,
        pooling=pooling,
        runtime="auto",
        precision="int8",
        calibration=images_in(images),
        min_agreement=min_agreement,
    )
    show(scorer.describe(), output, query)


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
