"""`type: command`: a command line of the user's own, with typed inputs and outputs.

Keys as in Azure's CLI (v2) command job YAML schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tintype.schemas.command_line import mentioned_in
from tintype.schemas.document import Document, validate
from tintype.schemas.job_parts import JobHead, take_ignored
from tintype.schemas.place import Place, place_notices
from tintype.schemas.ports import (
    CommandLimits,
    DataValue,
    OutputPort,
    Scalar,
    checked_names,
    fixed_paths,
)

__all__ = ["CommandJob", "EnvironmentVariables", "InputValues", "read_command_job"]

# Azure's keys that have no meaning on one's own machine: accepted, reported once.
_WITHOUT_EFFECT = ("identity", "queue_settings", "services", "distribution")


def _texts(value: Any) -> Any:
    """YAML reads numbers and booleans where variables of the environment are texts."""
    if not isinstance(value, dict):
        return value
    return {
        key: str(item) if isinstance(item, bool | int | float) else item
        for key, item in value.items()
    }


EnvironmentVariables = Annotated[dict[str, str], BeforeValidator(_texts)]
"""Variables of the environment: name to text."""

InputValues = dict[str, DataValue | Scalar]
"""Name to value: a literal, or `{type: ..., path: ...}`."""


class CommandJob(JobHead):
    """Run a command line in a copy of a code folder and keep what it makes."""

    type: Literal["command"] = "command"
    """The kind of job."""

    command: str = Field(min_length=1)
    """The command line, for bash. `${{inputs.x}}` and `${{outputs.y}}` stand for values and paths, each
    as one word; `$[[--flag ${{inputs.x}}]]` is left out where the input has no value."""

    code: str | None = None
    """The folder that is copied when the job is submitted and in which the command runs; relative to the
    document. What its .amlignore (or .gitignore) names is left out."""

    code_digest: str | None = None
    """Of the copy of `code` that the job runs; written when it is submitted."""

    inputs: InputValues = Field(default_factory=dict)
    """Name to a literal, or to data: `{type: uri_folder, path: ...}`."""

    outputs: dict[str, OutputPort] = Field(default_factory=dict)
    """Name to `{type: uri_folder}`. The command is given a path to write; a folder is made for it."""

    environment: str | dict[str, Any] | None = None
    """The Python that runs it: an environment of the workspace that names a `python`
    (`azureml:mine@latest`). Azure's own, and images, mean the Python that runs Tintype."""

    environment_variables: EnvironmentVariables = Field(default_factory=dict)
    """Variables that the command is given. Beside them it has PATH, HOME, the locale and what MLflow needs,
    and nothing else of this process's environment."""

    resources: dict[str, Any] | None = None
    """No effect here."""

    limits: CommandLimits = Field(default_factory=CommandLimits)
    """`timeout`: seconds after which it is ended."""

    compute: Place | None = None
    """No effect on a job alone, which runs on this machine; a node of a pipeline with `ray` or
    `ray://host:port` runs on that cluster."""

    is_deterministic: bool = True
    """Whether the same inputs give the same outputs, so that a pipeline may reuse them."""

    @field_validator("outputs", mode="before")
    @classmethod
    def _no_outputs(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("inputs", "outputs")
    @classmethod
    def _named(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_names(value)

    @field_validator("inputs", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return {} if value is None else value
        return {name: item for name, item in value.items() if item is not None}

    @model_validator(mode="after")
    def _check_references(self) -> CommandJob:
        for each in mentioned_in(self.command):
            name, kind = each.reference.name, each.reference.kind
            if kind == "output" and name not in self.outputs:
                known = ", ".join(self.outputs) or "none"
                raise ValueError(f"command: there is no output {name!r}; outputs are {known}")
            if kind != "output" and name not in self.inputs and not each.optional:
                known = ", ".join(self.inputs) or "none"
                raise ValueError(
                    f"command: the input {name!r} has no value; inputs are {known}. Give it one, or "
                    "write $[[...]] around the part that needs it"
                )
        return self

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        place = place_notices(self.compute) if self.compute is not None else []
        return [*super().notices(), *place]

    def output_paths(self) -> list[str]:
        """Where `outputs` are also to be copied."""
        return fixed_paths(self.outputs)

    def located(self, base: Path) -> CommandJob:
        """The same with absolute paths; relative ones are taken from `base`."""

        def absolute(path: str | None) -> str | None:
            if path is None or ":" in path:
                return path
            return str((base / Path(path).expanduser()).resolve())

        update = {
            "code": absolute(self.code),
            "inputs": {
                name: value.located(base) if isinstance(value, DataValue) else value
                for name, value in self.inputs.items()
            },
            "outputs": {
                name: output.model_copy(update={"path": absolute(output.path)})
                for name, output in self.outputs.items()
            },
        }
        # A key that was not given stays one that was not given.
        kept = {key: value for key, value in update.items() if key in self.model_fields_set}
        return self.model_copy(update=kept)


def read_command_job(document: Document, base: Path) -> CommandJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "command"}
    ignored = [*take_ignored(data, _WITHOUT_EFFECT), *data.pop("without_effect", ())]
    ignored += [key for key in ("resources",) if data.get(key)]
    job = validate(CommandJob, Document(data, document.path, document.lines)).located(base)
    return job.model_copy(update={"without_effect": tuple(ignored), "source": document})
