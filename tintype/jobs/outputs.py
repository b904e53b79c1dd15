"""Where a finished model goes beside its run: folders of the user's, held while they are written,
and the registry."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tintype.files import atomic_folder, locked_folder
from tintype.jobs.run import Run
from tintype.schemas.job_parts import JobDocument
from tintype.workspace.registry import register_model

__all__ = ["deliver_model", "reserved"]


@contextlib.contextmanager
def reserved(paths: Sequence[str]) -> Iterator[None]:
    """Hold folders against every other job that would write them.

    Raises:
        OutputError: one of them is held, or cannot be written.
    """
    with contextlib.ExitStack() as held:
        for path in dict.fromkeys(paths):
            held.enter_context(_reserved(Path(path)))
        yield


def deliver_model(job: JobDocument, run: Run) -> str | None:
    """Copy the run's model folder to where `outputs` of its document wants it, and register it.

    Returns:
        `name:version` of the first that was registered; None where no name was asked for.

    Raises:
        OutputError: a folder or the registry cannot be written.
    """
    registered: list[str] = []
    for output in job.outputs.values():
        if output.path:
            with atomic_folder(Path(output.path)) as temporary:
                shutil.copytree(run.model_folder, temporary, dirs_exist_ok=True)
        if output.name:
            model = register_model(output.name, run.model_folder, tags={"tintype.job": run.name})
            registered.append(f"{model.name}:{model.version}")
            print(f"Registered {model.name}, version {model.version}", flush=True)
    return registered[0] if registered else None


@contextlib.contextmanager
def _reserved(path: Path) -> Iterator[None]:
    marker = path.parent / f".{path.name}.writing"
    with locked_folder(marker):
        yield
    shutil.rmtree(marker, ignore_errors=True)
