"""Model documents: what a `tintype model create --file` YAML may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, apply_overrides, read_yaml, validate
from tintype.schemas.endpoint_parts import keys_that_count

__all__ = ["ModelDocument", "load_model_document", "model_document", "read_model_document"]

# What Azure's `show` and ours add beside what they add to every asset.
_READ_ONLY = frozenset({"flavors", "jobs", "run_id", "stage"})


class ModelDocument(AssetDocument):
    """A model to register."""

    path: str
    """Model folder, job output (azureml://jobs/...) or runs:/..."""

    type: Literal["mlflow_model", "custom_model"] = "mlflow_model"
    """Accepted as Azure's; what the model is, is told by looking at it: a model folder."""

    @model_validator(mode="before")
    @classmethod
    def _registry_keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)


def load_model_document(
    path: Path, overrides: Sequence[str], options: Mapping[str, Any]
) -> ModelDocument:
    """Read `path`; command-line `options` win. A relative model path is from the document's folder.

    Raises:
        DocumentError: names file, line and key.
    """
    document = apply_overrides(read_yaml(path), overrides)
    return read_model_document(document, path.absolute().parent, options)


def read_model_document(
    document: Document, base: Path, options: Mapping[str, Any] | None = None
) -> ModelDocument:
    """Check a document of this kind; `options` win, and a relative model path is from `base`.

    Raises:
        DocumentError: names file, line and key.
    """
    data = dict(document.data)
    local = base / str(data.get("path", ""))
    if local.is_dir():
        data["path"] = str(local)
    content = {**data, **(options or {})}
    return validate(ModelDocument, Document(content, document.path, document.lines))


def model_document(options: Mapping[str, Any]) -> ModelDocument:
    """The document that command-line options alone make.

    Raises:
        DocumentError: an option is missing or wrong.
    """
    return validate(ModelDocument, Document(dict(options)))
