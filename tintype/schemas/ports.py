"""Inputs and outputs of commands, components and pipelines: their types, values and declarations.

Source of types and keys: Azure's CLI (v2) command component and pipeline job YAML schemas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field, model_validator

from tintype.schemas.document import StrictModel

__all__ = [
    "DATA_TYPES",
    "JOB_NAME",
    "LITERAL_TYPES",
    "DataValue",
    "InputPort",
    "OutputPort",
    "Scalar",
    "accepts",
    "checked_names",
    "fixed_paths",
    "literal_of",
    "type_of",
]

Scalar = bool | int | float | str

DataType = Literal[
    "uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"
]
DATA_TYPES = ("uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model")
"""Files and folders; a command is given their paths."""

LITERAL_TYPES = ("string", "number", "integer", "boolean")
"""Values that a command is given as they are."""

JOB_NAME = "${{name}}"
"""In an output's path it stands for the name of the job."""

_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)

# What may be a single file.
_FILES = ("uri_file", "custom_model")

# Types that one and the same folder may go by.
_FOLDERS = ("uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model")


class DataValue(StrictModel):
    """A file or folder that is an input: `{type: uri_folder, path: ...}`."""

    path: str
    """A path relative to the document, a data asset (`azureml:name:1`), a registered model, a job's output
    (`azureml://jobs/...`) or a datastore's path."""

    type: DataType = "uri_folder"
    """uri_file, uri_folder, mltable, mlflow_model, custom_model or triton_model."""

    mode: str | None = None
    """No effect here: the command is given the path."""

    description: str | None = None
    """For people."""

    def located(self, base: Path) -> DataValue:
        """The same with an absolute path, where it is a path."""
        if ":" in self.path:
            return self
        path = (base / Path(self.path).expanduser()).resolve()
        return self.model_copy(update={"path": str(path)})


class InputPort(StrictModel):
    """What a component says of an input."""

    type: Literal[
        "uri_file",
        "uri_folder",
        "mltable",
        "mlflow_model",
        "custom_model",
        "triton_model",
        "string",
        "number",
        "integer",
        "boolean",
    ] = "string"
    """Its type."""

    description: str | None = None
    """For people."""

    optional: bool = False
    """It may have no value."""

    default: Any = None
    """Its value where none is given."""

    min: float | None = None
    """Of a number: the least that is allowed."""

    max: float | None = None
    """Of a number: the most that is allowed."""

    enum: list[Any] | None = None
    """The values that are allowed."""

    mode: str | None = None
    """No effect here."""

    path: str | None = None
    """Of data: where it is, where none is given."""

    @property
    def is_data(self) -> bool:
        """Whether it is a file or a folder."""
        return self.type in DATA_TYPES


class OutputPort(StrictModel):
    """An output of a command, a node or a pipeline."""

    type: DataType = "uri_folder"
    """uri_file, uri_folder, mltable, mlflow_model, custom_model or triton_model."""

    description: str | None = None
    """For people."""

    mode: str | None = None
    """No effect here: it is written to the job's own folder."""

    path: str | None = None
    """Also copy it here when it is finished; relative to the document, or in a datastore that settings map to a
    folder. `${{name}}` in it is the name of the job, or of the node's run."""

    name: str | None = None
    """Register it under this name: a model (mlflow_model), or else a data asset."""

    version: str | None = None
    """Of what is registered; the next number where left out."""

    is_control: bool | None = None
    """No effect here."""

    early_available: bool | None = None
    """No effect here."""

    @model_validator(mode="before")
    @classmethod
    def _from_little(cls, value: Any) -> Any:
        if value is None:
            return {}
        if isinstance(value, str):
            return {"path": value}
        if isinstance(value, dict) and isinstance(value.get("version"), int | float):
            return {**value, "version": str(value["version"])}
        return value


class CommandLimits(StrictModel):
    """How long a command may take."""

    timeout: float | None = Field(None, gt=0)
    """Seconds; None: as long as it takes."""


class _Copied(Protocol):
    @property
    def path(self) -> str | None: ...


def fixed_paths(outputs: Mapping[str, _Copied]) -> list[str]:
    """Where outputs are also copied, of those whose place on this machine is the same for every job."""
    paths = [output.path for output in outputs.values() if output.path]
    return [path for path in paths if JOB_NAME not in path and not path.startswith("azureml:")]


def checked_names(ports: dict[str, Any]) -> dict[str, Any]:
    """`ports`, whose names references and files can have.

    Raises:
        ValueError: one of them cannot be.
    """
    for name in ports:
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"the name {name!r}: use letters, digits and '_', a letter first")
    return ports


def type_of(value: Any) -> str:
    """The type of an input's value as it stands in a document: that of data, or its literal's.

    >>> type_of({"path": "x", "type": "mltable"}), type_of(0.5), type_of(True)
    ('mltable', 'number', 'boolean')
    """
    if isinstance(value, dict):
        return str(value.get("type") or "uri_folder")
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"


def accepts(port: str, given: str) -> bool:
    """Whether an input of the type `port` may be fed from an output or input of the type `given`.

    Literals convert where their text does; a folder may go by another folder's type, a file may not.
    """
    if port in LITERAL_TYPES or given in LITERAL_TYPES:
        return port in LITERAL_TYPES and given in LITERAL_TYPES
    together = (_FILES, _FOLDERS)
    return port == given or any(port in types and given in types for types in together)


def literal_of(port: InputPort, value: Any) -> Scalar:
    """`value` as a literal of the port's type, within what the port allows.

    Raises:
        ValueError: it is none; says what was given and what was expected.
    """
    converted = _converted(port.type, value)
    if port.enum is not None and converted not in [_converted(port.type, e) for e in port.enum]:
        allowed = ", ".join(str(each) for each in port.enum)
        raise ValueError(f"{value!r} given; expected one of {allowed}")
    if isinstance(converted, int | float) and not isinstance(converted, bool):
        if port.min is not None and converted < port.min:
            raise ValueError(f"{value!r} given; expected at least {port.min:g}")
        if port.max is not None and converted > port.max:
            raise ValueError(f"{value!r} given; expected at most {port.max:g}")
    return converted


def _converted(kind: str, value: Any) -> Scalar:
    if isinstance(value, dict | list) or value is None:
        raise ValueError(f"{value!r} given; expected a value of type {kind}")
    if kind == "string":
        return str(value)
    text = str(value).strip()
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        if kind == "integer" and not isinstance(value, bool):
            return int(text)
        if kind == "number" and not isinstance(value, bool) and math.isfinite(float(text)):
            return value if isinstance(value, int) else float(text)
    except ValueError:
        pass
    raise ValueError(f"{value!r} given; expected a value of type {kind}")
