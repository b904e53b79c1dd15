"""`tintype model`: register, import, list, show, alias, download, archive, export, quantise."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.asset_verbs import add_archive_and_restore
from tintype.cli.command import Ended, command, tell_notices
from tintype.cli.options import (
    WITHOUT_EFFECT,
    Description,
    GroupColumn,
    GroupPattern,
    ImageColumn,
    IncludeArchived,
    LabelColumn,
    ModelLabel,
    Name,
    NoWait,
    OptionalFile,
    OptionalName,
    Set,
    Tags,
    Version,
    tags_of,
)
from tintype.cli.output import PrintFormat
from tintype.cli.scoring_options import Calibration, Pooling, TaskName, images_in

__all__ = ["app"]

app = typer.Typer(help="Registered models, and the catalog.", no_args_is_help=True)


class ExportFormat(StrEnum):
    """Values of --format."""

    ONNX = "onnx"


Alias = Annotated[str, typer.Option("-a", "--alias", help="Such as champion.")]

_Kept = Annotated[str | None, typer.Option(help="As in az.", rich_help_panel=WITHOUT_EFFECT)]


@command(app)
def create(
    name: OptionalName = None,
    path: Annotated[
        str | None,
        typer.Option(
            "-p", "--path", help="Model folder, job output (azureml://jobs/...) or runs:/..."
        ),
    ] = None,
    file: OptionalFile = None,
    version: Version = None,
    type_: Annotated[str | None, typer.Option("-t", "--type", help="mlflow_model.")] = None,
    description: Description = None,
    tags: Tags = None,
    set_: Set = None,
    no_wait: NoWait = False,
    datastore: _Kept = None,
    registry_name: _Kept = None,
    stage: _Kept = None,
) -> object:
    """Register a model folder as a version of a name: the one given, or the next number."""
    from tintype.client import Client
    from tintype.schemas.model import load_model_document, model_document

    given = {
        "name": name,
        "path": path,
        "version": version,
        "type": type_,
        "description": description,
        "tags": tags_of(tags),
    }
    options = {key: value for key, value in given.items() if value is not None}
    if file is not None:
        return Client().models.create_or_update(load_model_document(file, set_ or [], options))
    return Client().models.create_or_update(model_document(options))


@command(app, "list")
def list_(
    name: Annotated[str | None, typer.Option("-n", "--name", help="All versions of it.")] = None,
    registry: Annotated[
        bool, typer.Option("--registry", help="The catalog instead of the workspace.")
    ] = False,
    registry_name: Annotated[
        str | None, typer.Option("--registry-name", help="As Azure's; the same as --registry.")
    ] = None,
    include_archived: IncludeArchived = False,
) -> object:
    """List the workspace's models, the versions of one, or the catalog."""
    from tintype.client import Client

    models = Client().models
    if registry or registry_name is not None:
        return [c for c in models.catalog() if name is None or name.lower() in c.name.lower()]
    return models.list(name, include_archived=include_archived)


@command(app)
def show(
    model: Annotated[
        str | None,
        typer.Argument(help="Registered model, catalog name, Hub id or azureml://registries/..."),
    ] = None,
    name: OptionalName = None,
    version: Version = None,
    label: ModelLabel = None,
    registry_name: Annotated[
        str | None, typer.Option("--registry-name", help="Look in the catalog only.")
    ] = None,
) -> object:
    """Show a registered model's version, or a card of the catalog."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.models.catalog import find_card
    from tintype.models.timm_library import require_timm_for

    models = Client().models
    wanted = model or name
    if wanted is None:
        raise UsageError("name the model to show")
    if "@" in wanted and label is None and not wanted.startswith("azureml://"):
        wanted, _, label = wanted.removeprefix("azureml:").partition("@")
    in_workspace = registry_name is None and bool(models.list(wanted, include_archived=True))
    card = None if in_workspace else find_card(wanted)
    if card is None and not in_workspace:
        require_timm_for(wanted)
    return card or models.get(wanted, version, label=label)


@command(app, "import", azures=False)
def import_(
    source: Annotated[
        str, typer.Argument(help="Catalog name, Hub id, or folder with config.json and weights.")
    ],
    name: OptionalName = None,
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
) -> object:
    """Bring a checkpoint from the Hub, or from a folder, into the workspace."""
    from tintype.client import Client

    return Client().models.import_(source, name, revision=revision, task=task, allow_bin=allow_bin)


@command(app, azures=False)
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
) -> object:
    """Calibrate int8 on your own images; `--precision int8` then finds it."""
    from tintype.client import Client

    return Client().models.quantize(
        model, images_in(images), min_agreement=min_agreement, task=task, pooling=pooling
    )


@command(app, "set-alias", azures=False)
def set_alias(name: Name, alias: Alias, version: Version = None) -> object:
    """Have NAME@ALIAS mean a version, or the newest; it is taken from the one that had it."""
    from tintype.client import Client

    return Client().models.set_alias(name, alias, version)


@command(app, "delete-alias", azures=False)
def delete_alias(name: Name, alias: Alias) -> object:
    """Take an alias away from the version that has it."""
    from tintype.client import Client

    return Client().models.delete_alias(name, alias)


@command(app)
def download(
    name: Name,
    version: Version = None,
    label: ModelLabel = None,
    path: Annotated[Path, typer.Option("-p", "--download-path", help="Folder to copy to.")] = Path(
        "."
    ),
    registry_name: _Kept = None,
) -> None:
    """Copy a version's model folder to PATH/NAME."""
    from tintype.client import Client

    print(Client().models.download(name, version, path, label=label))


@command(app)
def update(
    name: Name,
    version: Version = None,
    label: ModelLabel = None,
    set_: Set = None,
    registry_name: _Kept = None,
) -> object:
    """Change what a version says of itself: --set description=, tags.KEY=."""
    from tintype.client import Client

    return Client().models.update(name, version, set_ or [], label=label)


@command(app, printing=PrintFormat, azures=False)
def compare(
    champion: Annotated[str, typer.Argument(help="The model in use: photos@champion, a folder.")],
    challenger: Annotated[str, typer.Argument(help="The model that may take its place.")],
    data: Annotated[
        str, typer.Option("-d", "--data", help="Labelled images in any layout of docs/data.md.")
    ],
    metric: Annotated[str, typer.Option("--metric", help="By which it is decided.")] = "accuracy",
    output_folder: Annotated[
        Path | None, typer.Option("--output", help="Folder for comparison.json and predictions.")
    ] = None,
    register_as: Annotated[
        str | None,
        typer.Option("--register-as", help="Name under which a better challenger is registered."),
    ] = None,
    promote: Annotated[
        str | None, typer.Option("--promote", help="Alias that a better challenger takes over.")
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 1 unless the challenger is better.")
    ] = False,
    label_column: LabelColumn = "label",
    image_column: ImageColumn = "image_url",
    group_column: GroupColumn = None,
    group_pattern: GroupPattern = None,
) -> object:
    """Hold a challenger against the champion on the same labelled images, by paired tests."""
    from tintype.client import Client

    compared = Client().models.compare(
        champion,
        challenger,
        data,
        metric=metric,
        output=output_folder,
        register_as=register_as,
        promote=promote,
        label_column=label_column,
        image_column=image_column,
        group_column=group_column,
        group_pattern=group_pattern,
    )
    tell_notices(compared.notices)
    return Ended(compared, int(gate and not compared.is_better))


add_archive_and_restore(app, "models")


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="Model folder, registered model or job output.")],
    output: Annotated[Path, typer.Option("--output", help="Folder to write.")],
    format_: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.ONNX,
) -> None:
    """Write a model as ONNX, checked against torch, with its pre- and post-processing."""
    from tintype.client import Client

    print(Client().models.export(model, output))
