"""Which earlier run did the same work: found by a digest of code, inputs and settings.

    <home>/finished-steps/<digest>.json   {"run": name}

The digest of a step has its document as it is executed. For a path in it stand the names, sizes and times of
change of the files there; for what another step made, the run that made it. What a table refers to outside
its folder is not looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tintype.errors import TintypeError
from tintype.files import write_json
from tintype.jobs.run import Run
from tintype.schemas.job import Job
from tintype.settings import get_settings
from tintype.version import __version__
from tintype.workspace.registry import resolve_model

__all__ = ["StepDigests", "finished_run", "remember"]

# What a job is called, and where it runs, changes nothing of what it makes.
_NAMES = {
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "compute",
    "code",
    "is_deterministic",
}

_MODEL_KEYS = {"model", "model_name"}


class StepDigests:
    """Digests of the steps of one pipeline; each path is looked at once."""

    def __init__(self) -> None:
        self._seen: dict[str, str | None] = {}

    def of(self, job: Job, made: Mapping[str, str]) -> str:
        """The digest of a step's job, 64 hexadecimal characters.

        Args:
            made: paths of what other steps made, each with what tells it from another.
        """
        content = job.model_dump(mode="json", exclude_unset=True, exclude=_NAMES)
        told = self._told(content, "", made)
        # A command is its own; what jobs of Tintype's do may change with its version.
        version = "" if job.type == "command" else __version__
        text = json.dumps([version, job.type, told], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _told(self, value: Any, key: str, made: Mapping[str, str]) -> Any:
        if isinstance(value, dict):
            return {name: self._told(item, name, made) for name, item in value.items()}
        if isinstance(value, list):
            return [self._told(item, key, made) for item in value]
        if not isinstance(value, str):
            return value
        if value in made:
            return {"made": made[value]}
        path = self._path(value, key)
        if path is None:
            return value
        if path not in self._seen:
            self._seen[path] = _fingerprint(Path(path))
        seen = self._seen[path]
        return value if seen is None else {"files": seen, "path": path}

    def _path(self, value: str, key: str) -> str | None:
        if key in _MODEL_KEYS:
            try:
                value = resolve_model(value)
            except TintypeError:
                return None
        return (
            value
            if value.startswith("/") and len(value) < os.pathconf("/", "PC_PATH_MAX")
            else None
        )


def finished_run(digest: str) -> Run | None:
    """The run that has done this work, if it is there still."""
    try:
        content = json.loads(_file(digest).read_text("utf-8"))
        run = Run(str(content["run"]))
        outputs = [run.named_outputs / name for name in content["outputs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not run.exists or run.state.status != "Completed":
        return None
    return run if all(path.exists() for path in outputs) else None


def remember(digest: str, run: Run, outputs: Iterator[str] | list[str]) -> None:
    """`run` has done this work.

    Raises:
        OutputError: the workspace cannot be written.
    """
    write_json(_file(digest), {"run": run.name, "outputs": list(outputs)})


def _file(digest: str) -> Path:
    return get_settings().home / "finished-steps" / f"{digest}.json"


def _fingerprint(path: Path) -> str | None:
    """What tells the files below `path` from others; None where there is nothing."""
    try:
        if path.is_file():
            return _stamp(path)
        if not path.is_dir():
            return None
        hasher = hashlib.blake2b(digest_size=16)
        for root, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(root, name)
                hasher.update(f"{file.relative_to(path)}\0{_stamp(file)}\0".encode())
    except OSError:
        # Gone while it was looked at: never the same.
        return os.urandom(16).hex()
    return hasher.hexdigest()


def _stamp(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
