"""Model documents: what a `tintype model create --file` YAML may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, apply_overrides, read_yaml, validate

__all__ = ["ModelDocument", "load_model_document", "model_document"]


class ModelDocument(AssetDocument):
    """A model to register."""

    path: str
    """Model folder, job output (azureml://jobs/...) or runs:/..."""

    type: Literal["mlflow_model", "custom_model"] = "mlflow_model"
    """Accepted as Azure's; a registered model is always an MLflow model."""

    stage: str | None = None
    """No effect here."""

    flavors: Any = None
    """No effect here."""


def load_model_document(
    path: Path, overrides: Sequence[str], options: Mapping[str, Any]
) -> ModelDocument:
    """Read `path`; command-line `options` win. A relative model path is from the document's folder.

    Raises:
        DocumentError: names file, line and key.
    """
    document = apply_overrides(read_yaml(path), overrides)
    data = document.data
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
