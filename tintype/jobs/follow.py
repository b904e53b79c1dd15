"""Following runs: stream the log, cancel, download, archive."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tintype.compute.local import stop_worker
from tintype.errors import OutputError, RunFailed, UsageError
from tintype.files import atomic_folder
from tintype.jobs.batch import OUTPUT_NAME, score_folder
from tintype.workspace.runs import ACTIVE, FINAL, RunRecord, RunStore, now

__all__ = ["archive_job", "cancel_job", "download_job", "stream_job"]


def stream_job(name: str, write: Callable[[str], object], *, from_end: bool = False) -> RunRecord:
    """Hand the run's log to `write` as it grows, until the run has ended.

    Args:
        from_end: leave out what was logged before, as when a run is resumed.

    Raises:
        UsageError: no such run.
        RunFailed: the run failed; the message is its error.
    """
    store = RunStore()
    record = store.get(name)
    log = store.path(name) / "log.txt"
    position = log.stat().st_size if from_end and log.exists() else 0
    while True:
        record = store.get(name)
        if log.exists():
            with log.open("rb") as stream:
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
    store = RunStore()
    record = store.get(name)
    if record.status not in ACTIVE or record.pid is None:
        raise UsageError(f"job {name!r} is {record.status.lower()}; there is nothing to cancel")
    stop_worker(record.pid, lambda: store.get(name).status in FINAL)
    record = store.get(name)
    if record.status == "Failed":
        # It did not end by itself, or died of the signal before it could say so.
        record = store.update(name, status="Canceled", error=None, ended_at=now())
    return record


def download_job(
    name: str, destination: Path, *, output_name: str | None = None, everything: bool = False
) -> Path:
    """Copy a run's outputs to `destination/<name>` and return that folder.

    As Azure lays it out: the default output below `artifacts/outputs`, a named one below
    `named-outputs/<output name>`.

    Raises:
        UsageError: no such run, or it has no output yet.
        OutputError: the target exists already or cannot be written.
    """
    store = RunStore()
    record = store.get(name)
    if record.type == "batch":
        return _download_batch(store, name, destination, output_name)
    outputs = store.path(name) / "outputs"
    if not outputs.is_dir() or not any(outputs.iterdir()):
        raise UsageError(f"job {name!r} has no outputs (yet)")
    model = outputs / "mlflow-model"
    if output_name is not None and not model.is_dir():
        raise UsageError(f"job {name!r} has no output {output_name!r} (yet)")
    with _new_folder(destination / name) as temporary:
        if output_name is None or everything:
            shutil.copytree(outputs, temporary / "artifacts" / "outputs")
            _copy_log(store, name, temporary)
        if output_name is not None:
            shutil.copytree(model, temporary / "named-outputs" / output_name)
    return destination / name


def _download_batch(store: RunStore, name: str, destination: Path, output_name: str | None) -> Path:
    """The rows of a batch job, from the job or its child: always below `named-outputs/score`."""
    if output_name not in (None, OUTPUT_NAME):
        raise UsageError(
            f"job {name!r} has no output {output_name!r}; its output is {OUTPUT_NAME!r}"
        )
    score = score_folder(store, name)
    if not (score / "summary.json").exists():
        raise UsageError(f"job {name!r} has no output {OUTPUT_NAME!r} (yet)")
    with _new_folder(destination / name) as temporary:
        shutil.copytree(score, temporary / "named-outputs" / OUTPUT_NAME)
        _copy_log(store, store.ancestor(name), temporary)
    return destination / name


@contextlib.contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    if target.exists():
        raise OutputError(f"{target} exists already; remove it or choose another --download-path")
    with atomic_folder(target) as temporary:
        yield temporary


def _copy_log(store: RunStore, name: str, folder: Path) -> None:
    log = store.path(name) / "log.txt"
    if log.exists():
        (folder / "artifacts").mkdir(exist_ok=True)
        shutil.copy2(log, folder / "artifacts" / "log.txt")


def archive_job(name: str, *, archived: bool = True) -> RunRecord:
    """Hide a run from lists, or bring it back.

    Raises:
        UsageError: no such run.
    """
    store = RunStore()
    store.get(name)
    return store.update(name, archived=archived)
