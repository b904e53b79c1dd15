"""Copying what a run made, laid out as Azure does it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from tintype.errors import OutputError, UsageError
from tintype.files import atomic_folder
from tintype.jobs.run import Run

__all__ = ["copy_log", "download_outputs", "new_folder"]


def download_outputs(run: Run, output_name: str | None, everything: bool, folder: Path) -> None:
    """The default output below `artifacts/outputs`, a named one below `named-outputs/<name>`.

    Raises:
        UsageError: the run has no output yet, or no model to be the named one.
    """
    if not run.outputs.is_dir() or not any(run.outputs.iterdir()):
        raise UsageError(f"job {run.name!r} has no outputs (yet)")
    if output_name is not None and not run.model_folder.is_dir():
        raise UsageError(f"job {run.name!r} has no output {output_name!r} (yet)")
    if output_name is None or everything:
        shutil.copytree(run.outputs, folder / "artifacts" / "outputs")
        copy_log(run, folder)
    if output_name is not None:
        shutil.copytree(run.model_folder, folder / "named-outputs" / output_name)


def copy_log(run: Run, folder: Path) -> None:
    """The run's log below `artifacts`, where there is one."""
    if run.log.exists():
        (folder / "artifacts").mkdir(exist_ok=True)
        shutil.copy2(run.log, folder / "artifacts" / "log.txt")


def new_folder(target: Path) -> contextlib.AbstractContextManager[Path]:
    """A folder to fill that becomes `target`.

    Raises:
        OutputError: there is one already.
    """
    if target.exists():
        raise OutputError(f"{target} exists already; remove it or choose another --download-path")
    return atomic_folder(target)
