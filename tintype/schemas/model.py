"""Model documents: what a `tintype model create --file` YAML may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tintype.schemas.document import Document, StrictModel, apply_overrides, read_yaml, validate

__all__ = ["ModelDocument", "load_model_document", "model_document"]


class ModelDocument(StrictModel):
    """A model to register."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""
    name: str
    """Its name."""
    path: str
    """Model folder, job output (azureml://jobs/...) or runs:/..."""
    version: str | None = None
    """What to call it; the next number where left out."""
    type: Literal["mlflow_model"] = "mlflow_model"
    """The one kind there is."""
    description: str | None = None
    """For people."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Kept with the version."""


def load_model_document(
    path: Path, overrides: Sequence[str], options: Mapping[str, Any]
) -> ModelDocument:
    """Read `path`; command-line `options` win. A relative model path is from the document's folder.

    Raises:
        DocumentError: names file, line and key.
    """
    document = apply_overrides(read_yaml(path), overrides)
    data = document.data
    if isinstance(data.get("version"), int):
        data["version"] = str(data["version"])
    local = path.absolute().parent / str(data.get("path", ""))
    if local.is_dir():
        data["path"] = str(local)
    return validate(ModelDocument, Document({**data, **options}, document.path, document.lines))


def model_document(options: Mapping[str, Any]) -> ModelDocument:
    """The document that command-line options alone make.

    Raises:
        DocumentError: an option is missing or wrong.
    """
    return validate(ModelDocument, Document(dict(options)))
