"""A run: one execution of a job's document. Its name, its folder, and what is kept of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tintype.workspace.runs import RunRecord, RunStore
from tintype.workspace.tracking import MlflowRun, mlflow_run

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """A run of the workspace, whether it is there yet or not."""

    name: str
    store: RunStore = field(default_factory=RunStore)

    @classmethod
    def create(
        cls,
        document: Mapping[str, Any],
        *,
        store: RunStore | None = None,
        parent: str | None = None,
        supervised: bool = False,
        outputs: Mapping[str, str] | None = None,
        status: str = "NotStarted",
    ) -> Run:
        """Make the run of a document, which is given a name if it has none; see `RunStore.create`.

        Raises:
            UsageError: the name is taken or not allowed.
            OutputError: the workspace cannot be written.
        """
        store = store or RunStore()
        record = store.create(
            dict(document), parent=parent, supervised=supervised, outputs=outputs, status=status
        )
        return cls(record.name, store)

    @property
    def folder(self) -> Path:
        """Where everything of the run lies."""
        return self.store.path(self.name)

    @property
    def outputs(self) -> Path:
        """What the run is for."""
        return self.folder / "outputs"

    @property
    def model_folder(self) -> Path:
        """The model that the run makes, if it makes one."""
        return self.outputs / "mlflow-model"

    @property
    def named_outputs(self) -> Path:
        """Outputs that the document names, each below its name (`workspace.job_outputs`)."""
        return self.folder / "named-outputs"

    @property
    def log(self) -> Path:
        """What its worker prints."""
        return self.folder / "log.txt"

    @property
    def exists(self) -> bool:
        """Whether it has a record."""
        return (self.folder / "run.json").exists()

    @property
    def state(self) -> RunRecord:
        """What is known of it now.

        Raises:
            UsageError: there is no such run.
        """
        return self.store.get(self.name)

    @property
    def document(self) -> dict[str, Any]:
        """The document that it executes.

        Raises:
            UsageError: there is no such run.
        """
        return self.store.document(self.name)

    def sibling(self, name: str) -> Run:
        """Another run of the same workspace."""
        return Run(name, self.store)

    def update(self, **changes: Any) -> RunRecord:
        """Write changed fields of its record.

        Raises:
            OutputError: the workspace cannot be written.
        """
        return self.store.update(self.name, **changes)

    @contextlib.contextmanager
    def tracked(self, experiment: str, tags: Mapping[str, str]) -> Iterator[MlflowRun]:
        """The run in MLflow, started or gone on with, and ended as the block ends."""
        known = self.state.mlflow_run_id
        # What Azure's notebooks look for the runs of a job by.
        tags = {**self._parent_tag(), **tags, "mlflow.rootRunId": self.store.ancestor(self.name)}
        with mlflow_run(
            experiment, self.name, tags={**tags, "tintype.job": self.name}, run_id=known
        ) as tracking:
            self.update(status="Running", mlflow_run_id=tracking.run_id)
            yield tracking

    def _parent_tag(self) -> dict[str, str]:
        """What makes a run in MLflow the child of its parent's, where that has one."""
        parent = self.state.parent
        known = None if parent is None else self.sibling(parent).state.mlflow_run_id
        return {} if known is None else {"mlflow.parentRunId": known}
