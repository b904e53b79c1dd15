"""Nodes of type `parallel`: what they say of their task, as the command that runs it.

Keys as in Azure's CLI (v2) parallel job YAML schema; only folders of files are split.
"""

from __future__ import annotations

import shlex
from typing import Any

from pydantic import Field, field_validator

from tintype.schemas.document import Document, KeyPath, StrictModel, validate
from tintype.schemas.expressions import reference_of

__all__ = ["PARALLEL_KEYS", "parallel_command"]


class ParallelTask(StrictModel):
    """What handles a mini-batch."""

    type: str = "run_function"
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
    """See `CommandJob`."""

    model: Any = None
    """No effect here."""


class Retries(StrictModel):
    """How often a mini-batch that failed is tried again."""

    max_retries: int = Field(2, ge=0)
    """Times."""

    timeout: int | None = None
    """No effect here."""


class ParallelSettings(StrictModel):
    """Keys of a parallel component, and of a node that has none."""

    task: ParallelTask
    """What handles a mini-batch."""

    input_data: str
    """`${{inputs.x}}`: the folder that is split."""

    mini_batch_size: int = Field(10, ge=1)
    """Files in a mini-batch."""

    max_concurrency_per_instance: int = Field(2, ge=1)
    """Mini-batches at the same time."""

    retry_settings: Retries = Field(default_factory=Retries)
    """Retries."""

    error_threshold: int = Field(-1, ge=-1)
    """Files that may fail; -1: any number."""

    mini_batch_error_threshold: int | None = None
    """No effect here; see `error_threshold`."""

    logging_level: str | None = None
    """No effect here."""

    @field_validator("mini_batch_size", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.strip().isdigit() else value


PARALLEL_KEYS = tuple(ParallelSettings.model_fields)
"""Keys that a node of this type has beside those of all nodes."""


def parallel_command(settings: dict[str, Any], document: Document, key: KeyPath) -> dict[str, Any]:
    """The keys of a command that runs a parallel task.

    Args:
        settings: the component's, and the node's over them.
        document, key: where the node stands.

    Raises:
        DocumentError: one of them is missing or wrong.
    """
    read = validate(ParallelSettings, document.part(key, settings))
    task = read.task
    reference = reference_of(read.input_data)
    name = reference.name if reference is not None else read.input_data
    parts = [
        "python -m tintype.jobs.parallel_step",
        f"--entry {shlex.quote(task.entry_script)}",
        f"--data ${{{{inputs.{name}}}}}",
        f"--mini-batch-size {read.mini_batch_size}",
        f"--concurrency {read.max_concurrency_per_instance}",
        f"--max-retries {read.retry_settings.max_retries}",
        f"--error-threshold {read.error_threshold}",
    ]
    if task.append_row_to is not None:
        parts.append(f"--append-row-to {task.append_row_to}")
    content: dict[str, Any] = {"command": " ".join([*parts, "--", task.program_arguments]).strip()}
    for part in ("code", "environment"):
        value = getattr(task, part)
        if value is not None:
            content[part] = value
    return content
