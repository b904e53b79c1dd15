"""Runs: one folder each, with the job's document, its status, its log and its outputs.

    <home>/runs/<name>/job.json      the document, complete
                       run.json      status and times; written whole at every change
                       log.txt       what the worker printed
                       checkpoints/  training checkpoints
                       outputs/      the model folder and the evaluation

Listing and showing runs reads these files alone, so it is quick; metrics and artifacts are in
MLflow as well. A run is alive while its worker holds the folder's lock: a worker that was killed
cannot keep its run "Running".
"""

from __future__ import annotations

import datetime
import json
import os
import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import write_json
from tintype.settings import get_settings

__all__ = ["ACTIVE", "FINAL", "RunRecord", "RunStore", "now"]

DEFAULT_OUTPUT = {"default": "artifacts/paths/outputs"}
"""What every run has: its folder `outputs`."""

ACTIVE = ("Starting", "Preparing", "Running", "Finalizing")
FINAL = ("Completed", "Failed", "Canceled")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")

# The display names of Azure's jobs have this shape too: adjective, noun, suffix.
_ADJECTIVES = (
    "amber brave calm clever dapper eager fond gentle happy keen "
    "lively mellow nimble proud quiet rosy sunny tidy vivid witty"
).split()
_NOUNS = (
    "albatross badger camera crane dahlia easel falcon garden harbor iris "
    "jasmine kite lantern lens maple negative orchid plate shutter tripod"
).split()


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run at one moment."""

    name: str
    type: str
    status: str
    display_name: str
    experiment_name: str
    created_at: str
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    started_at: str | None = None
    ended_at: str | None = None
    error: str | None = None
    """Why it failed, in one or two sentences."""
    pid: int | None = None
    mlflow_run_id: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    """Validation metrics of the finished model."""
    registered_model: str | None = None
    """`name:version`, where the job registered its model."""
    parent: str | None = None
    """The run whose child this is: of a trial, the sweep; of a sweep, its job."""
    best_child: str | None = None
    """Of an AutoML job: the run of its best trial."""
    supervised: bool = False
    """Its parent's worker does its work: it lives as long as that one."""
    outputs: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_OUTPUT))
    """Its named outputs, each with its path below `azureml://jobs/<name>/outputs/`."""
    archived: bool = False

    @property
    def id(self) -> str:
        """What names it beside its name."""
        return f"azureml:{self.name}"

    @property
    def studio_url(self) -> str:
        """Where it can be looked at: its folder, with its log and what it made."""
        return RunStore().path(self.name).absolute().as_uri()

    @property
    def services(self) -> dict[str, SimpleNamespace]:
        """The same address, where older scripts look for it: `services["Studio"].endpoint`."""
        return {"Studio": SimpleNamespace(endpoint=self.studio_url, type="Studio")}

    def shown(self) -> dict[str, Any]:
        """The record as commands print it."""
        data = asdict(self)
        data["creation_context"] = {"created_at": data.pop("created_at")}
        data["outputs"] = {
            name: {"type": "uri_folder", "path": f"azureml://jobs/{self.name}/outputs/{path}/"}
            for name, path in self.outputs.items()
        }
        return data


class RunStore:
    """The runs of this workspace."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self.folder = (home or get_settings().home) / "runs"

    def path(self, name: str) -> Path:
        """The folder of the run called `name`, whether it exists or not."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"job name {name!r}: use letters, digits, '-', '_' and '.', beginning with a letter "
                "or digit"
            )
        return self.folder / name

    def create(
        self,
        document: dict[str, Any],
        *,
        parent: str | None = None,
        supervised: bool = False,
        outputs: Mapping[str, str] | None = None,
        status: str = "NotStarted",
    ) -> RunRecord:
        """Make the folder of a new run; the document's `name` is made up when it has none.

        Args:
            parent: the run whose child it is.
            supervised, outputs: see `RunRecord`; named outputs beside the default one.
            status: "Starting" where its worker is at hand.

        Raises:
            UsageError: the name is taken or not allowed.
            OutputError: the workspace cannot be written.
        """
        name = document.get("name") or self.new_name()
        path = self.path(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            raise UsageError(
                f"a job named {name!r} exists; choose another name, or go on with it: "
                f"tintype job resume --name {name}"
            ) from None
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
        record = RunRecord(
            name=name,
            type=document["type"],
            status=status,
            display_name=document.get("display_name") or name,
            experiment_name=document["experiment_name"],
            created_at=now(),
            description=document.get("description"),
            tags=document.get("tags", {}),
            properties=document.get("properties", {}),
            parent=parent,
            supervised=supervised,
            outputs={**DEFAULT_OUTPUT, **(outputs or {})},
        )
        try:
            write_json(path / "job.json", {**document, "name": name})
            self._write(record)
        except OutputError:
            # Nothing half-written: a run without its document is no run.
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
            raise
        return record

    def get(self, name: str) -> RunRecord:
        """The run called `name`; one whose worker died without a word is Failed.

        Raises:
            UsageError: there is none.
        """
        record = self._read(self.path(name))
        if record is None:
            hint = nearest(name, (run.name for run in self.list(include_archived=True)))
            raise UsageError(f"no job named {name!r}.{hint}")
        if record.status not in ACTIVE or self.is_alive(record):
            return record
        # It may have ended well since its record was read.
        record = self._read(self.path(name)) or record
        if record.status not in ACTIVE:
            return record
        message = (
            f"the worker was killed or lost; go on from its last checkpoint: "
            f"tintype job resume --name {name}"
        )
        return replace(record, status="Failed", error=message, ended_at=record.ended_at or now())

    def named(self, name: str) -> str:
        """The name of the run called `name`, or whose run in MLflow has it as its id.

        Raises:
            UsageError: there is none.
        """
        if not (self.path(name) / "run.json").exists():
            for path in self.folder.glob("*/run.json"):
                record = self._read(path.parent)
                if record is not None and record.mlflow_run_id == name:
                    return record.name
        return self.get(name).name

    def ancestor(self, name: str) -> str:
        """The job that a run belongs to, or the run itself."""
        record = self.get(name)
        return name if record.parent is None else self.ancestor(record.parent)

    def descendants(self, name: str) -> list[RunRecord]:
        """Children of the run called `name`, each followed by its own, oldest first."""
        runs = []
        for child in reversed(self.list(include_archived=True, parent=name)):
            runs += [child, *self.descendants(child.name)]
        return runs

    def list_matching(self, **keys: str) -> list[RunRecord]:
        """Batch jobs whose documents have these keys, newest first."""
        return [
            run
            for run in self.list(type="batch")
            if keys.items() <= self.document(run.name).items()
        ]

    def list(
        self,
        *,
        include_archived: bool = False,
        parent: str | None = None,
        type: str | None = None,
    ) -> list[RunRecord]:
        """The children of `parent` (None: all runs that are nobody's children), newest first.

        Args:
            type: only runs of this kind of job.
        """
        records = []
        for path in self.folder.glob("*/run.json"):
            record = self._read(path.parent)
            if record is None or record.parent != parent or type not in (None, record.type):
                continue
            if include_archived or not record.archived:
                records.append(self.get(record.name) if record.status in ACTIVE else record)
        return sorted(records, key=lambda record: record.created_at, reverse=True)

    def document(self, name: str) -> dict[str, Any]:
        """The job document that the run called `name` executes."""
        self.get(name)
        document: dict[str, Any] = json.loads((self.path(name) / "job.json").read_text("utf-8"))
        return document

    def replace_document(self, name: str, document: dict[str, Any]) -> None:
        """Give a run that is to begin anew another document.

        Raises:
            UsageError: there is no such run.
            OutputError: the workspace cannot be written.
        """
        self.get(name)
        write_json(self.path(name) / "job.json", {**document, "name": name})

    def update(self, name: str, **changes: Any) -> RunRecord:
        """Write changed fields of the run's record.

        Raises:
            OutputError: the workspace cannot be written.
        """
        record = self._read(self.path(name))
        if record is None:
            raise UsageError(f"no job named {name!r}")
        record = replace(record, **changes)
        self._write(record)
        return record

    def is_alive(self, record: RunRecord) -> bool:
        """Whether the run's worker lives: it holds the lock, or has just been started."""
        if record.parent is not None and (record.supervised or record.status == "Starting"):
            # Its job's worker looks after it.
            parent = self._read(self.path(record.parent))
            return parent is not None and self.is_alive(parent)
        lock = filelock.FileLock(self.path(record.name) / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        lock.release()
        return record.status == "Starting" and _process_lives(record.pid)

    def new_name(self) -> str:
        """A name for a run that was given none."""
        draw = random.SystemRandom()
        suffix = "".join(draw.choices("bcdfghjklmnpqrstvwxz0123456789", k=8))
        return f"{draw.choice(_ADJECTIVES)}_{draw.choice(_NOUNS)}_{suffix}"

    def _read(self, path: Path) -> RunRecord | None:
        try:
            return RunRecord(**json.loads((path / "run.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, record: RunRecord) -> None:
        write_json(self.path(record.name) / "run.json", asdict(record))


def now() -> str:
    """The time in UTC, ISO 8601 with microseconds so that sorting as text is sorting by time."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def _process_lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
        # A killed child that nobody has waited for still counts: on Linux its state says Z.
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False
