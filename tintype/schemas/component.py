"""Component documents: what a `tintype component create --file` YAML may say.

Keys as in Azure's CLI (v2) component YAML schemas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_serializer, field_validator

from tintype.errors import DocumentError
from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, StrictModel, read_yaml, validate
from tintype.schemas.endpoint_parts import merged_document
from tintype.schemas.ports import InputPort, OutputPort

__all__ = [
    "ComponentDocument",
    "load_component",
    "nodes_with_files",
    "read_component",
]


class ComponentDocument(AssetDocument):
    """A step of pipelines, kept under a name and a version."""

    type: Literal["command", "pipeline", "sweep", "automl", "parallel"] = "command"
    """What kind of step it is."""

    display_name: str | None = None
    """For people."""

    inputs: dict[str, InputPort] = Field(default_factory=dict)
    """What it takes: name to `{type, description, default, optional, min, max, enum}`."""

    outputs: dict[str, OutputPort] = Field(default_factory=dict)
    """What it gives: name to `{type, description}`."""

    command: str | None = None
    """The command line of a command."""

    code: str | None = None
    """The folder that the command runs in; relative to the document."""

    environment: dict[str, Any] | str | None = None
    """The Python that runs a command; see `schemas.command_job`."""

    environment_variables: dict[str, str] = Field(default_factory=dict)
    """Variables that a command is given."""

    jobs: dict[str, Any] | None = None
    """The nodes of a pipeline."""

    task: dict[str, Any] | None = None
    """Of a parallel component: what handles a mini-batch."""

    input_data: str | None = None
    """Of a parallel component: the input that is split, `${{inputs.NAME}}`."""

    mini_batch_size: str | int | None = None
    """Of a parallel component: files, or bytes of a table, in one mini-batch."""

    partition_keys: list[str] | None = None
    """Of a parallel component: columns whose values put the rows of a table together."""

    error_threshold: int | None = None
    """Of a parallel component: files or rows that may fail; -1: any number."""

    mini_batch_error_threshold: int | None = None
    """Of a parallel component: mini-batches that may fail; -1: any number."""

    retry_settings: dict[str, Any] | None = None
    """Of a parallel component: `{max_retries, timeout}` of a mini-batch."""

    max_concurrency_per_instance: int | None = None
    """Of a parallel component: mini-batches at the same time."""

    logging_level: str | None = None
    """No effect here."""

    is_deterministic: bool = True
    """Whether the same inputs give the same outputs."""

    distribution: dict[str, Any] | None = None
    """How Azure starts several processes."""

    resources: dict[str, Any] | None = None
    """What Azure sets aside for it."""

    file: str | None = None
    """The document that it was read from; written when it is read."""

    @field_serializer("inputs", "outputs")
    def _as_written(self, ports: dict[str, StrictModel]) -> dict[str, Any]:
        # Of a port's many keys those that it has.
        return {
            name: port.model_dump(mode="json", exclude_unset=True) for name, port in ports.items()
        }

    @field_validator("inputs", "outputs", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return {} if value is None else value


def load_component(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ComponentDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_component(merged_document(path, overrides, options or {}))


def read_component(document: Document, within: tuple[Path, ...] = ()) -> ComponentDocument:
    """Check a document of this kind; a relative folder of code becomes absolute, and the files of
    components that the nodes of a pipeline name are read.

    Args:
        within: files of the components that this one is a node of.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = dict(document.data)
    if document.path is not None:
        # Files of components need no name: the file is one.
        data.setdefault("name", document.path.stem.replace(" ", "-"))
        data["file"] = str(document.path)
    component = validate(ComponentDocument, Document(data, document.path, document.lines))
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    update: dict[str, Any] = {}
    if component.code is not None and ":" not in component.code:
        update["code"] = str((base / component.code).resolve())
    if component.task is not None and isinstance(component.task.get("code"), str):
        code = str((base / component.task["code"]).resolve())
        update["task"] = {**component.task, "code": code}
    if component.jobs is not None:
        update["jobs"] = nodes_with_files(component.jobs, document, base, within)
    return component.model_copy(update=update)


def nodes_with_files(
    nodes: Mapping[str, Any], document: Document, base: Path, within: tuple[Path, ...] = ()
) -> dict[str, Any]:
    """The nodes of a pipeline, each with `base`, the folder of its relative paths, with `written_at`, its
    file, line and field, and with what the file of its component says in place of the file's name.

    Args:
        document: where the nodes stand, below `jobs`.
        within: files of the components that they are nodes of.

    Raises:
        DocumentError: a node that is no mapping, or a file that is wrong or contains itself.
    """
    found: dict[str, Any] = {}
    for name, node in nodes.items():
        key = ("jobs", name)
        if not isinstance(node, dict):
            raise _error(document, key, "expected a mapping: the node's type and its inputs")
        for own in ("base", "written_at", "code_digest"):
            if own in node:
                raise _error(document, (*key, own), "unknown key")
        found[name] = {**node, "base": str(base)}
        if document.path is not None:
            place = f"{document.path}:{document.line(key)}: {'.'.join(key)}"
            found[name]["written_at"] = place
        for where in ("component", "trial"):
            path = _file(node.get(where), base)
            if path is None:
                continue
            if path in within:
                raise _error(document, (*key, where), f"{path} contains itself")
            if not path.is_file():
                raise _error(document, (*key, where), f"there is no file {path}")
            component = read_component(read_yaml(path), (*within, path))
            found[name][where] = component.model_dump(
                mode="json", exclude={"schema_"}, exclude_unset=True
            )
    return found


def _file(component: Any, base: Path) -> Path | None:
    """The file that a node's `component` names, if it names one."""
    if not isinstance(component, str) or component.startswith("azureml:"):
        return None
    return (base / Path(component.removeprefix("file:")).expanduser()).resolve()


def _error(document: Document, key: tuple[str, ...], message: str) -> DocumentError:
    return DocumentError(message, file=document.path, line=document.line(key), field=".".join(key))
