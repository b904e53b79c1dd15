"""Following runs: stream the log, cancel, download, archive."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tintype.compute.local import stop_worker
from tintype.errors import RunFailed, UsageError
from tintype.files import atomic_folder, output_errors
from tintype.jobs.download import new_folder
from tintype.jobs.kinds import kind_of
from tintype.jobs.run import Run
from tintype.workspace.runs import ACTIVE, FINAL, RunRecord, now

__all__ = ["archive_job", "cancel_job", "download_into", "download_job", "stream_job"]


def stream_job(name: str, write: Callable[[str], object], *, from_end: bool = False) -> RunRecord:
    """Hand the run's log to `write` as it grows, until the run has ended.

    Args:
        from_end: leave out what was logged before, as when a run is resumed.

    Raises:
        UsageError: no such run.
        RunFailed: the run failed; the message is its error.
    """
    run = Run(name)
    record = run.state
    position = run.log.stat().st_size if from_end and run.log.exists() else 0
    while True:
        record = run.state
        if run.log.exists():
            with run.log.open("rb") as stream:
                stream.seek(position)
                grown = stream.read()
            position += len(grown)
            if grown:
                write(grown.decode("utf-8", "replace"))
        if record.status in FINAL:
            break
        time.sleep(0.2)
    if record.status == "Failed":
        raise RunFailed(f"job {name!r} failed: {record.error}")
    return record


def cancel_job(name: str) -> RunRecord:
    """End a run within seconds; its last checkpoint stays, so it can be resumed.

    Raises:
        UsageError: no such run, or it has ended already.
    """
    run = Run(name)
    record = run.state
    if record.status not in ACTIVE or record.pid is None:
        raise UsageError(f"job {name!r} is {record.status.lower()}; there is nothing to cancel")
    stop_worker(record.pid, lambda: run.state.status in FINAL)
    record = run.state
    if record.status == "Failed":
        # It did not end by itself, or died of the signal before it could say so.
        record = run.update(status="Canceled", error=None, ended_at=now())
    return record


def download_job(
    name: str, destination: Path, *, output_name: str | None = None, everything: bool = False
) -> Path:
    """Copy a run's outputs to `destination/<name>` and return that folder.

    As Azure lays it out: the default output below `artifacts/outputs`, a named one below
    `named-outputs/<output name>`.

    Raises:
        UsageError: no such run, or it has no output (yet), or none of that name.
        OutputError: the target exists already or cannot be written.
    """
    run = Run(name)
    download = kind_of(run).download
    if download is None:
        raise UsageError(f"job {name!r} has no outputs of its own")
    with new_folder(destination / name) as temporary:
        download(run, output_name, everything, temporary)
    return destination / name


def download_into(
    name: str, destination: Path, *, output_name: str | None = None, everything: bool = False
) -> Path:
    """`download_job` as azure-ai-ml does it: into `destination` itself, which is returned.

    `artifacts` and each named output take the place of what is there under their names.

    Raises:
        UsageError: no such run, or it has no output (yet), or none of that name.
        OutputError: the destination cannot be written.
    """
    _ = Run(name).state
    with output_errors(destination):
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination, prefix=".download.") as scratch:
            made = download_job(name, Path(scratch), output_name=output_name, everything=everything)
            named = sorted((made / "named-outputs").glob("*"))
            others = [path for path in made.iterdir() if path.name != "named-outputs"]
            for part in [*named, *others]:
                with atomic_folder(destination / part.relative_to(made)) as folder:
                    for child in part.iterdir():
                        child.replace(folder / child.name)
    return destination


def archive_job(name: str, *, archived: bool = True) -> RunRecord:
    """Hide a run from lists, or bring it back.

    Raises:
        UsageError: no such run.
    """
    run = Run(name)
    _ = run.state
    return run.update(archived=archived)
