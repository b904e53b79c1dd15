"""What a kind of job is: a document, and what is done with it from its check to its download."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from tintype.jobs.run import Run
from tintype.tasks import TaskContext

__all__ = ["JobKind", "Result"]

Result = dict[str, Any]
"""What an execution gives to whoever placed it, JSON-able; empty for a job of its own."""


def _as_it_is(document: Any) -> Any:
    return document


def _nothing(*_: Any) -> None:
    return None


def _model_folder(run: Run, output: str) -> Path:
    return run.model_folder


def _no_outputs(document: Any) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class JobKind:
    """One row of `kinds.KINDS`."""

    document: type[BaseModel]
    """What a run's job.json holds."""

    execute: str | None
    """"package.module:function" of (document, run, context) -> Result or None. Imported when it
    runs: each needs a lot that the others do not. Raises RunCancelled when the context says so.
    None: a run that stands for others, whose work is theirs."""

    settle: Callable[[Any], Any] = _as_it_is
    """The document as it is submitted: with `@latest` and the like as they are now."""

    check: Callable[[Any], None] = _nothing
    """Everything that can be known of a document in seconds. Raises UsageError."""

    begin: Callable[[Run, Any], None] = _nothing
    """What a new run needs before its worker starts, as children."""

    download: Callable[[Run, str | None, bool, Path], None] | None = None
    """(run, named output, everything, folder) fills the folder with what the run made. Raises
    UsageError where there is nothing (yet)."""

    outputs: Callable[[Any], dict[str, str]] = _no_outputs
    """Named outputs of a document's run beside the default one; see `RunRecord.outputs`."""

    makes: Callable[[Run, str], Path] = _model_folder
    """(run, name of an output) -> what of a finished run goes by that name where other jobs need it."""

    table: Literal["sweep", "pipeline"] | None = None
    """What a terminal shows in a table while it runs: trials or nodes."""

    memory_advice: str = ""
    """What to do when memory runs out."""

    def read(self, content: dict[str, Any]) -> Any:
        """The document of a run: checked when it was submitted, its paths absolute."""
        return self.document.model_validate(content)

    def run(self, document: Any, run: Run, context: TaskContext) -> Result:
        """Call `execute`."""
        assert self.execute is not None
        module, _, name = self.execute.partition(":")
        result: Result | None = getattr(importlib.import_module(module), name)(
            document, run, context
        )
        return result or {}
