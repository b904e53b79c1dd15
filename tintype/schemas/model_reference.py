"""How documents of deployments and of batch jobs name a model."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag

from tintype.errors import DocumentError
from tintype.schemas.document import Document, StrictModel

__all__ = [
    "InlineModel",
    "ModelReference",
    "Reference",
    "located_model",
    "model_notices",
    "reference_of",
]

_REGISTERED = re.compile(r"azureml:[A-Za-z0-9][A-Za-z0-9_.-]*(:[A-Za-z0-9][A-Za-z0-9_.-]*|@[\w-]+)")


def _version(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _reference(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; expected a registered model, a folder or a Hub id")
    short = value.startswith("azureml:") and not value.startswith("azureml://")
    if short and not _REGISTERED.fullmatch(value):
        name = re.split(r"[:@]", value.removeprefix("azureml:"))[0] or "name"
        raise ValueError(
            f"{value!r} given; expected azureml:{name}:1 or azureml:{name}@latest, or an alias for latest"
        )
    return value


Reference = Annotated[str, AfterValidator(_reference)]
"""What names a model, in one text."""


class InlineModel(StrictModel):
    """`model` written out: a folder that need not be registered."""

    path: Reference
    """Model folder, relative to the document; or a job's output (azureml://jobs/...)."""

    name: str | None = None
    """No effect here: the model is not registered."""

    version: Annotated[str | None, BeforeValidator(_version)] = None
    """No effect here: the model is not registered."""

    type: Literal["mlflow_model", "custom_model"] | None = None
    """Accepted as Azure's; what the model is, is told by looking at it."""


def _model_form(value: Any) -> str:
    return "inline" if isinstance(value, Mapping | InlineModel) else "reference"


ModelReference = Annotated[
    Annotated[Reference, Tag("reference")] | Annotated[InlineModel, Tag("inline")],
    Discriminator(_model_form),
]
"""`model`: a reference, or written out."""

_Written = TypeVar("_Written", str, str | InlineModel)


def reference_of(model: str | InlineModel) -> str:
    """What names the model, however it is written."""
    return model.path if isinstance(model, InlineModel) else model


def located_model(model: _Written, document: Document, base: Path) -> _Written:
    """`model` with an absolute path where it is a folder: from `base`, or else from here.

    Raises:
        DocumentError: it is written as a path (./model, /model) and there is no such folder.
    """
    reference = reference_of(model)
    folder = _folder(reference, base)
    if folder is not None:
        return (
            model.model_copy(update={"path": folder}) if isinstance(model, InlineModel) else folder
        )
    if re.match(r"\.{0,2}/|~", reference):
        key = ("model", "path") if isinstance(model, InlineModel) else ("model",)
        raise DocumentError(
            f"there is no folder {reference}",
            file=document.path,
            line=document.line(key),
            field=".".join(key),
        )
    return model


def model_notices(model: str | InlineModel) -> list[str]:
    """One sentence for every key of `model` that was given but has no effect here."""
    if not isinstance(model, InlineModel):
        return []
    return [
        f"model.{key} has no effect here: the model is not registered"
        for key in ("name", "version")
        if getattr(model, key) is not None
    ]


def _folder(reference: str, base: Path) -> str | None:
    """The absolute path of a model that is a folder, or None."""
    # os.path, for pathlib raises on names that are too long and on unknown users.
    given = os.path.expanduser(reference)
    for start in (base, Path.cwd()):
        folder = os.path.join(start, given)
        if os.path.isdir(folder):
            return os.path.realpath(folder)
    return None
