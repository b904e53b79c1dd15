"""Options that several commands have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Certificate",
    "Deployment",
    "Description",
    "EndpointName",
    "File",
    "WITHOUT_EFFECT",
    "Ignored",
    "Host",
    "GroupColumn",
    "GroupPattern",
    "ImageColumn",
    "IncludeArchived",
    "LabelColumn",
    "Model",
    "ModelLabel",
    "Name",
    "NoWait",
    "OptionalEndpointName",
    "OptionalFile",
    "OptionalName",
    "Port",
    "PrivateKey",
    "RegistryName",
    "Set",
    "Stream",
    "Version",
    "Tags",
    "VersionLabel",
    "Yes",
    "tags_of",
    "text_in",
]

WITHOUT_EFFECT = "Accepted as Azure's; no effect here"
"""Heading of such options in --help."""

Name = Annotated[str, typer.Option("-n", "--name", help="Its name.")]
OptionalName = Annotated[str | None, typer.Option("-n", "--name", help="Its name.")]
EndpointName = Annotated[
    str, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")
]
OptionalEndpointName = Annotated[
    str | None, typer.Option("-e", "--endpoint-name", "--endpoint", help="Its endpoint.")
]
Deployment = Annotated[
    str | None, typer.Option("-d", "--deployment-name", "--deployment", help="Ask this one.")
]
File = Annotated[Path, typer.Option("-f", "--file", help="Its YAML document.")]
OptionalFile = Annotated[Path | None, typer.Option("-f", "--file", help="Its YAML document.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
]
Description = Annotated[str | None, typer.Option("-d", "--description", help="For people.")]
Version = Annotated[str | None, typer.Option("-v", "--version", help="Its version.")]
VersionLabel = Annotated[str | None, typer.Option("-l", "--label", help="latest.")]
ModelLabel = Annotated[
    str | None, typer.Option("-l", "--label", help="latest, or an alias such as champion.")
]
Tags = Annotated[list[str] | None, typer.Option("--tags", help="key=value. Repeatable.")]
RegistryName = Annotated[
    str | None, typer.Option("--registry-name", help="Look in the catalog, whatever its name.")
]
IncludeArchived = Annotated[
    bool, typer.Option("--include-archived", help="Show what was archived, too.")
]
Stream = Annotated[bool, typer.Option("-s", "--stream", help="Follow it to its end.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Come back before it is done.")]
Ignored = Annotated[bool, typer.Option(help="Accepted as Azure's.", rich_help_panel=WITHOUT_EFFECT)]
Model = Annotated[
    str,
    typer.Option(
        "-m",
        "--model",
        help="Model folder, registered model, job output, catalog name, Hub id.",
    ),
]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")]
Certificate = Annotated[Path | None, typer.Option("--certificate", help="PEM file, for HTTPS.")]
PrivateKey = Annotated[Path | None, typer.Option("--private-key", help="Its PEM file.")]
LabelColumn = Annotated[
    str, typer.Option("--label-column-name", help="Key of the label in a JSONL row.")
]
ImageColumn = Annotated[
    str, typer.Option("--input-column-names", help="Key of the image in a JSONL row.")
]
GroupColumn = Annotated[
    str | None,
    typer.Option("--group-column-name", help="Key of a row's group: a person, a camera."),
]
GroupPattern = Annotated[
    str | None,
    typer.Option(
        "--group-pattern",
        help="Regular expression on file names (paths, with a / in it) whose first group names the group.",
    ),
]


def tags_of(given: list[str] | None) -> dict[str, str] | None:
    """What `Tags` say, as documents have it.

    >>> tags_of(["team=one", "live"])
    {'team': 'one', 'live': ''}
    """
    return dict(tag.partition("=")[::2] for tag in given) if given else None


def text_in(path: Path | None) -> str | None:
    """The text of a file that an option names; None without one.

    Raises:
        UsageError: it cannot be read.
    """
    from tintype.errors import UsageError

    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
