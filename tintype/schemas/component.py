"""Component documents: what a `tintype component create --file` YAML may say.

Keys as in Azure's CLI (v2) component YAML schemas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, validate
from tintype.schemas.endpoint_parts import merged_document

__all__ = ["ComponentDocument", "load_component", "read_component"]


class ComponentDocument(AssetDocument):
    """A step of pipelines, kept under a name and a version."""

    type: Literal["command", "pipeline", "sweep", "automl", "parallel"] = "command"
    """What kind of step it is."""

    display_name: str | None = None
    """For people."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    """What it takes: name to `{type, description, default, optional}`."""

    outputs: dict[str, Any] = Field(default_factory=dict)
    """What it gives: name to `{type, description}`."""

    command: str | None = None
    """The command line of a command."""

    code: str | None = None
    """The folder that the command runs in; relative to the document."""

    environment: dict[str, Any] | str | None = None
    """Accepted as Azure's; everything runs in Tintype's own Python."""

    jobs: dict[str, Any] | None = None
    """The steps of a pipeline."""

    is_deterministic: bool = True
    """Whether the same inputs give the same outputs."""

    distribution: dict[str, Any] | None = None
    """How Azure starts several processes."""

    resources: dict[str, Any] | None = None
    """What Azure sets aside for it."""


def load_component(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ComponentDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_component(merged_document(path, overrides, options or {}))


def read_component(document: Document) -> ComponentDocument:
    """Check a document of this kind; a relative folder of code becomes absolute.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    component = validate(ComponentDocument, document)
    if component.code is None or ":" in component.code:
        return component
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    return component.model_copy(update={"code": str((base / component.code).resolve())})
