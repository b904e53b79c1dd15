"""`tintype label`: projects in which people label pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tintype.cli.command import command
from tintype.cli.options import (
    Certificate,
    Host,
    IncludeArchived,
    Name,
    OptionalFile,
    OptionalName,
    Port,
    PrivateKey,
    Set,
    text_in,
)

if TYPE_CHECKING:
    from tintype.labelling.people import Role

__all__ = ["app"]

app = typer.Typer(
    help="Labelling: pictures in, keys pressed, a data set out.", no_args_is_help=True
)


class ExistingLabels(StrEnum):
    """Values of --existing-labels."""

    NONE = "none"
    FINAL = "final"
    SUGGESTIONS = "suggestions"


class ImportAs(StrEnum):
    """Values of --as."""

    FINAL = "final"
    SUGGESTIONS = "suggestions"


class MissingPictures(StrEnum):
    """Values of --missing-pictures."""

    REFUSE = "refuse"
    SKIP = "skip"
    ADD = "add"


class ExistingAnswers(StrEnum):
    """Values of --existing-answers."""

    CONTINUE = "continue"
    START_OVER = "start-over"
    KEEP = "keep-as-suggestions"


class State(StrEnum):
    """Values of --state."""

    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"


class ExportFormat(StrEnum):
    """Values of --format."""

    MLTABLE = "mltable"
    CSV = "csv"
    COCO = "coco"
    AZURE = "azure"
    LABEL_STUDIO = "label-studio"
    HUGGING_FACE = "hugging-face"


class PersonRole(StrEnum):
    """Values of --role."""

    OWNER = "owner"
    REVIEWER = "reviewer"
    LABELLER = "labeller"
    NONE = "none"


Labels = Annotated[
    list[str] | None, typer.Option("-l", "--label", help="Cat, or Animal/Cat. Repeatable.")
]
Instructions = Annotated[
    Path | None, typer.Option("--instructions", help="Markdown file for labellers.")
]


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    data: Annotated[
        str | None,
        typer.Option(
            "-p", "--data", help="Folder, table, batch output, azureml:NAME@latest, endpoint:NAME."
        ),
    ] = None,
    labels: Labels = None,
    task: Annotated[
        str | None,
        typer.Option("--task", help="image_classification or image_classification_multilabel."),
    ] = None,
    existing_labels: Annotated[
        ExistingLabels | None,
        typer.Option("--existing-labels", help="What becomes of labels that the data have."),
    ] = None,
    instructions: Instructions = None,
    labellers: Annotated[
        int | None, typer.Option("--labellers", help="People who answer each picture.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="Backbone that suggestions are made of.")
    ] = None,
    zero_shot_model: Annotated[
        str | None, typer.Option("--zero-shot-model", help="CLIP or SigLIP checkpoint.")
    ] = None,
    uncertain: Annotated[
        int | None,
        typer.Option(
            "--uncertain", help="Only so many pictures: answers least certain. Again: more."
        ),
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option("--requests", help="File of request ids whose pictures are taken first."),
    ] = None,
    set_: Set = None,
) -> object:
    """Make a project of pictures; they stay where they are."""
    from tintype.client import Client
    from tintype.labelling.uncertain_pictures import read_request_ids
    from tintype.schemas.labelling_project import load_labelling_project

    options = {
        "name": name,
        "data": data,
        "labels": labels or None,
        "task": task,
        "existing_labels": None if existing_labels is None else existing_labels.value,
        "instructions": text_in(instructions),
        "labellers": labellers,
        "model": model,
        "zero_shot_model": zero_shot_model,
        "uncertain": uncertain,
    }
    document = load_labelling_project(file, set_ or [], options)
    asked_for = frozenset[str]() if requests is None else read_request_ids(requests)
    return Client().labels.create_or_update(document, requests=asked_for)


@command(app, "list")
def list_(include_archived: IncludeArchived = False) -> object:
    """List projects, with how many pictures are in which state."""
    from tintype.client import Client

    return Client().labels.list(include_archived=include_archived)


@command(app)
def show(name: Name) -> object:
    """Show a project, its progress and its members."""
    from tintype.client import Client

    return Client().labels.get(name)


@command(app)
def update(
    name: Name,
    state: Annotated[State | None, typer.Option("--state", help="Pause, go on, archive.")] = None,
    instructions: Instructions = None,
    add_labels: Annotated[
        list[str] | None, typer.Option("--add-label", help="Cat, or Animal/Cat. Repeatable.")
    ] = None,
    remove_labels: Annotated[
        list[str] | None, typer.Option("--remove-label", help="That no picture has. Repeatable.")
    ] = None,
    existing_answers: Annotated[
        ExistingAnswers,
        typer.Option("--existing-answers", help="What becomes of answers when labels are added."),
    ] = ExistingAnswers.CONTINUE,
) -> object:
    """Change a project's state, instructions or labels."""
    from tintype.client import Client

    return Client().labels.update(
        name,
        state=None if state is None else state.value,
        instructions=text_in(instructions),
        add_labels=add_labels or [],
        remove_labels=remove_labels or [],
        existing_answers=existing_answers.value,
    )


@command(app)
def refresh(name: Name) -> object:
    """Add pictures that have come to the data since; tell which are missing or have changed."""
    from tintype.client import Client

    return Client().labels.refresh(name)


@command(app, "import")
def import_(
    name: Name,
    path: Annotated[
        str, typer.Option("-p", "--path", help="Labels in any layout of docs/data.md.")
    ],
    import_as: Annotated[
        ImportAs, typer.Option("--as", help="final, or suggestions to be reviewed.")
    ] = ImportAs.FINAL,
    add_unknown_labels: Annotated[
        bool, typer.Option("--add-unknown-labels", help="Otherwise they are an error.")
    ] = False,
    missing_pictures: Annotated[
        MissingPictures,
        typer.Option("--missing-pictures", help="Rows whose picture the project has not."),
    ] = MissingPictures.REFUSE,
) -> object:
    """Take labels over: all of a file or, where one cannot be used, none."""
    from tintype.client import Client

    return Client().labels.import_(
        name,
        path,
        import_as=import_as.value,
        add_unknown_labels=add_unknown_labels,
        missing_pictures=missing_pictures.value,
    )


@command(app)
def export(
    name: Name,
    output: Annotated[Path, typer.Option("-p", "--path", help="Folder to write.")],
    form: Annotated[
        ExportFormat, typer.Option("-t", "--format", help="How to write.")
    ] = ExportFormat.MLTABLE,
    how: Annotated[
        list[str] | None,
        typer.Option(
            "--how", help="chosen, suggested, changed, bulk, imported, reviewed. Repeatable."
        ),
    ] = None,
    person: Annotated[str | None, typer.Option("--person", help="Whose answer decided.")] = None,
    label: Annotated[str | None, typer.Option("-l", "--label", help="Only this one.")] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="labelled, completed. Repeatable.")
    ] = None,
    register: Annotated[
        str | None, typer.Option("--register", help="Name of a data asset: its next version.")
    ] = None,
) -> object:
    """Write labelled pictures to a folder, for jobs or for other tools."""
    from tintype.client import Client

    return Client().labels.export(
        name,
        output,
        format=form.value,
        how=how or [],
        person=person,
        label=label,
        states=state or [],
        register=register,
    )


@command(app)
def assign(
    name: Name,
    person: Annotated[str, typer.Option("--person", help="Their name.")],
    role: Annotated[
        PersonRole, typer.Option("--role", help="none takes it away.")
    ] = PersonRole.LABELLER,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with their password.")
    ] = None,
    invite: Annotated[
        bool, typer.Option("--invite", help="A link in place of a password, for a week, once.")
    ] = False,
) -> object:
    """Give somebody a role in a project, and a password or an invitation."""
    from tintype.client import Client

    password = text_in(password_file)
    given = None if role is PersonRole.NONE else cast("Role", role.value)
    return Client().labels.assign(
        name,
        person,
        given,
        password=None if password is None else password.strip(),
        invite=invite,
    )


@command(app)
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8081,
    certificate: Certificate = None,
    private_key: PrivateKey = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "-p", "--data", help="Folder that owners may make projects of, too. Repeatable."
        ),
    ] = None,
) -> None:
    """Serve all projects for labellers, until Ctrl-C or SIGTERM."""
    from tintype.client import Client
    from tintype.endpoints.online.gateway.http_server import Tls

    tls = Tls.of(certificate, private_key)
    Client().labels.serve(host=host, port=port, tls=tls, data=data or [])
