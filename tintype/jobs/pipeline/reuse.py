"""Which earlier run did the same work: found by a digest of code, inputs and settings.

    <home>/finished-steps/<digest>.json   {"run": name}

The digest of a step has its document as it is executed. For a path in it stand the names and contents of the
files there, of more than 512 MiB their sizes and times of change in place of the contents; for what another
step made, the run that made it. What a table refers to outside its folder is not looked at.
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

_MODEL_KEYS = {"model", "model_name", "champion", "challenger"}

_OF_COMMANDS = ("command", "sweep")

# What can be read within a second. A checkout of git gives files new times, and no new contents.
_MOST_READ_BYTES = 512 * 1024 * 1024


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
        # What lies where outputs go says nothing of what is made.
        outputs = content.pop("outputs", None)
        told = self._told(content, "", made, job.type in _OF_COMMANDS)
        # A command is its own; what jobs of Tintype's do may change with its version.
        version = "" if job.type == "command" else __version__
        text = json.dumps([version, job.type, told, outputs], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _told(self, value: Any, key: str, made: Mapping[str, str], of_command: bool) -> Any:
        if isinstance(value, dict):
            return {name: self._told(item, name, made, of_command) for name, item in value.items()}
        if isinstance(value, list):
            return [self._told(item, key, made, of_command) for item in value]
        if not isinstance(value, str):
            return value
        if value in made:
            return {"made": made[value]}
        # Other texts of a command are values, also where they look like paths.
        path = None if of_command and key != "path" else self._path(value, key)
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
        if not path.exists():
            return None
        files = [path] if path.is_file() else _walked(path)
        states = [file.stat() for file in files]
        read = sum(state.st_size for state in states) <= _MOST_READ_BYTES
        hasher = hashlib.blake2b(digest_size=16)
        for file, state in zip(files, states, strict=True):
            told = _content(file) if read else state.st_mtime_ns
            hasher.update(f"{file.relative_to(path)}\0{state.st_size}\0{told}\0".encode())
    except OSError:
        # Gone while it was looked at: never the same.
        return os.urandom(16).hex()
    return hasher.hexdigest()


def _walked(folder: Path) -> list[Path]:
    """All files below `folder`, sorted; what is neither file nor folder is none."""
    found: list[Path] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            # A link that leads up would never end.
            folders.clear()
            continue
        seen.add(real)
        found += [Path(root, name) for name in names]
    return sorted(file for file in found if file.is_file())


def _content(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, _hasher).hexdigest()


def _hasher() -> Any:
    return hashlib.blake2b(digest_size=16)
