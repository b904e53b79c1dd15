"""Copying what a run made, laid out as Azure does it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tintype.errors import UsageError
from tintype.files import output_errors
from tintype.jobs.run import Run

__all__ = ["copy_log", "download_outputs", "merged_into"]


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


@contextlib.contextmanager
def merged_into(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill; what lies two levels deep in it then takes its place in `folder`.

    So a second download replaces the same outputs and leaves the others, as Azure's does.

    Raises:
        OutputError: `folder` cannot be written, or the disk filled up.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            yield new
            for part in new.glob("*/*"):
                target = folder / part.relative_to(new)
                target.parent.mkdir(exist_ok=True)
                if target.exists():
                    old.mkdir(exist_ok=True)
                    target.replace(old / f"{part.parent.name}-{part.name}")
                part.replace(target)
