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
        UsageError: the run has no output yet, or none of that name.
    """
    if output_name is not None:
        _copy_named(run, output_name, folder)
        if not everything:
            return
    # Those of commands and pipelines: nothing else shows by itself which names there are.
    every = [path.name for path in run.named_outputs.glob("*")] if everything else []
    for name in every:
        if name != output_name:
            _copy_named(run, name, folder)
    if not run.outputs.is_dir() or not any(run.outputs.iterdir()):
        if output_name is None and not every:
            raise UsageError(f"job {run.name!r} has no outputs (yet)")
    else:
        shutil.copytree(run.outputs, folder / "artifacts" / "outputs")
    copy_log(run, folder)


def _copy_named(run: Run, name: str, folder: Path) -> None:
    known = run.named_outputs / name
    if not known.exists() and not run.model_folder.is_dir():
        raise UsageError(f"job {run.name!r} has no output {name!r} (yet)")
    found, target = known if known.exists() else run.model_folder, folder / "named-outputs" / name
    target.parent.mkdir(exist_ok=True)
    if found.is_dir():
        shutil.copytree(found, target)
    else:
        # Azure makes a folder of an output that is one file, too.
        target.mkdir()
        shutil.copy2(found, target / name)


def copy_log(run: Run, folder: Path) -> None:
    """The run's log below `artifacts`, where there is one."""
    if run.log.exists():
        (folder / "artifacts").mkdir(parents=True, exist_ok=True)
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
