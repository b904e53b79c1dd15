"""Nodes of type `parallel`: what they say of their task, as the command that runs it.

Keys as in Azure's CLI (v2) parallel job YAML schema.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from tintype.errors import DocumentError, nearest
from tintype.jobs.mini_batches import bytes_of
from tintype.schemas.document import Document, KeyPath, StrictModel, validate
from tintype.schemas.expressions import REFERENCE, reference_of

__all__ = ["PARALLEL_KEYS", "parallel_command"]


class ParallelTask(StrictModel):
    """What handles a mini-batch."""

    type: Literal["run_function", "function"] = "run_function"
    """run_function."""

    code: str | None = None
    """Folder of the script; relative to the document."""

    entry_script: str
    """The script, with `init` and `run`."""

    program_arguments: str = ""
    """Arguments of the script; `${{inputs.x}}` and `${{outputs.y}}` stand for values and paths."""

    append_row_to: str | None = None
    """`${{outputs.y}}`: where the rows go that `run` gives."""

    environment: str | dict[str, Any] | None = None
    """See `CommandJob`; the Python that runs Tintype."""


class Retries(StrictModel):
    """How often a mini-batch that failed is tried again."""

    max_retries: int = Field(2, ge=0)
    """Times."""

    timeout: float | None = Field(None, gt=0)
    """Seconds that a mini-batch may take each time; None: as long as it takes."""


class ParallelSettings(StrictModel):
    """Keys of a parallel component, and of a node that has none."""

    task: ParallelTask
    """What handles a mini-batch."""

    input_data: str
    """`${{inputs.x}}`: the folder or the table that is split."""

    mini_batch_size: str | None = None
    """Files of a folder (10; 1 where left out), or bytes of a table (100kb; 1mb where left out)."""

    partition_keys: list[str] | None = None
    """Columns of a table: rows that have the same values in them are one mini-batch."""

    max_concurrency_per_instance: int | None = Field(None, ge=1)
    """Mini-batches at the same time; left out: as many as there are CPU threads."""

    retry_settings: Retries = Field(default_factory=Retries)
    """Retries."""

    error_threshold: int = Field(-1, ge=-1)
    """Files or rows that may fail; -1: any number."""

    mini_batch_error_threshold: int = Field(-1, ge=-1)
    """Mini-batches that may fail; -1: any number."""

    logging_level: str | None = None
    """No effect here."""

    @field_validator("mini_batch_size", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(text, str):
            bytes_of(text)
        return text


PARALLEL_KEYS = tuple(ParallelSettings.model_fields)
"""Keys that a node of this type has beside those of all nodes."""


def parallel_command(
    settings: dict[str, Any],
    node: Mapping[str, Any],
    error: Callable[[KeyPath, str], DocumentError],
) -> dict[str, Any]:
    """The keys of a command that runs a parallel task.

    Args:
        settings: the component's, and the node's over them.
        node: the node, or its component, whose inputs and outputs the settings name.
        error: makes an error of a place and a message, where the settings are written.

    Raises:
        DocumentError: one of them is missing or wrong.
    """
    try:
        read = validate(ParallelSettings, Document(settings))
    except DocumentError as wrong:
        raise error(tuple((wrong.field or "task").split(".")), wrong.message) from None
    task = read.task
    name = _named(read.input_data, "input", node, ("input_data",), error)
    if task.append_row_to is not None:
        _named(task.append_row_to, "output", node, ("task", "append_row_to"), error)
    for match in REFERENCE.finditer(task.program_arguments):
        _named(match[0], None, node, ("task", "program_arguments"), error)
    given = (node.get("inputs") or {}).get(name)
    kind = given.get("type") if isinstance(given, dict) else None
    if kind is not None and kind != "mltable":
        if read.partition_keys:
            raise error(("partition_keys",), f"for rows of a mltable; {name!r} is a {kind}")
        if read.mini_batch_size is not None and bytes_of(read.mini_batch_size) is not None:
            size = read.mini_batch_size
            raise error(("mini_batch_size",), f"{size!r} given; expected a number of files")
    parts = [
        "python -m tintype.jobs.parallel_step",
        f"--entry {shlex.quote(task.entry_script)}",
        f"--data ${{{{inputs.{name}}}}}",
        f"--max-retries {read.retry_settings.max_retries}",
        f"--error-threshold {read.error_threshold}",
        f"--mini-batch-error-threshold {read.mini_batch_error_threshold}",
    ]
    optional = {
        "--mini-batch-size": read.mini_batch_size,
        "--concurrency": read.max_concurrency_per_instance,
        "--timeout": read.retry_settings.timeout,
    }
    parts += [f"{flag} {shlex.quote(str(v))}" for flag, v in optional.items() if v is not None]
    parts += [f"--partition-key {shlex.quote(key)}" for key in read.partition_keys or ()]
    if task.append_row_to is not None:
        parts.append(f"--append-row-to {task.append_row_to}")
    content: dict[str, Any] = {"command": " ".join([*parts, "--", task.program_arguments]).strip()}
    for part in ("code", "environment"):
        value = getattr(task, part)
        if value is not None:
            content[part] = value
    return content


def _named(
    text: str,
    wanted: str | None,
    node: Mapping[str, Any],
    key: KeyPath,
    error: Callable[[KeyPath, str], DocumentError],
) -> str:
    """The name in `${{inputs.NAME}}` or `${{outputs.NAME}}`, which the node has.

    Args:
        wanted: input or output; None: either.
    """
    try:
        reference = reference_of(text)
    except ValueError as wrong:
        raise error(key, str(wrong)) from None
    kind = None if reference is None else reference.kind
    if reference is None or kind not in (("input", "output") if wanted is None else (wanted,)):
        raise error(key, f"{text!r} given; expected ${{{{{wanted or 'input'}s.NAME}}}}")
    known = node.get(f"{kind}s") or {}
    if reference.name not in known:
        names = ", ".join(known) or "none"
        hint = nearest(reference.name, known)
        raise error(key, f"there is no {kind} {reference.name!r}; {kind}s are {names}.{hint}")
    return reference.name
