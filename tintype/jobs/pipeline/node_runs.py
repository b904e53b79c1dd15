"""The runs of a graph's steps: from a step to a run that can be executed, or to one that has done its work."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.errors import UsageError
from tintype.jobs.outputs import link_output
from tintype.jobs.pipeline.reuse import StepDigests, finished_run, remember
from tintype.jobs.pipeline.steps import Graph, Made, Step
from tintype.jobs.run import Run
from tintype.jobs.step_kinds import STEP_KINDS
from tintype.schemas.job import Job
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.ports import JOB_NAME
from tintype.workspace.runs import ACTIVE, now

__all__ = ["NodeRuns", "Prepared"]

# The property of a run that names the one that did its work.
_REUSED_FROM = "tintype.reused_from"


@dataclass(frozen=True)
class Prepared:
    """A step that can begin."""

    run: Run
    finished: str | None
    """The run that has done its work already: its own, of an earlier attempt, or another pipeline's."""
    notices: tuple[str, ...] = ()
    """What of its document has no effect here."""


class NodeRuns:
    """Makes and ends the runs of one pipeline's steps."""

    def __init__(self, job: PipelineJob, run: Run, graph: Graph) -> None:
        self._job, self._run, self._graph = job, run, graph
        self._digests = StepDigests()
        self._digest_of: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        """Of each finished step the run that did the work."""
        self.names = {name: self._name(name) for name in [*graph.steps, *graph.pipelines]}
        """Of each step, and each node that is a pipeline, the name of its run."""

    def run(self, name: str) -> Run:
        """The run of a step, whether it is there yet or not."""
        return self._run.sibling(self.names[name])

    def begin(self) -> None:
        """Make the runs of nodes that are pipelines, which stand for their nodes."""
        for name in self._graph.pipelines:
            run = self.run(name)
            if not run.exists:
                document = {
                    "type": "pipeline",
                    "name": run.name,
                    "display_name": name.rpartition(".")[2],
                    "experiment_name": self._job.experiment_name,
                }
                Run.create(
                    document, store=self._run.store, parent=self._parent(name), supervised=True
                )
            run.update(status="Running", started_at=now(), ended_at=None, error=None)

    def end(self, statuses: dict[str, str]) -> None:
        """Write down how the nodes that are pipelines ended.

        Args:
            statuses: of each step.
        """
        for name in self._graph.pipelines:
            inside = [status for step, status in statuses.items() if step.startswith(f"{name}.")]
            status = "Completed" if {*inside} == {"Completed"} else "Canceled"
            self.run(name).update(status="Failed" if "Failed" in inside else status, ended_at=now())

    def prepare(self, name: str) -> Prepared:
        """Make the run of a step whose needs are met, or find the one that has done the same.

        Raises:
            TintypeError: its document cannot be used as it has come to be.
        """
        run, step = self.run(name), self._graph.steps[name]
        if self._is_finished(run, step):
            self._origins[name] = self._origin(run)
            return Prepared(run, run.name)
        job = self._settled(step)
        # Documents have paths as they are written, or with links followed.
        made = {
            path: self._told(each)
            for each in step.made
            for path in (self._path(each), os.path.realpath(self._path(each)))
        }
        digest = self._digest_of[name] = self._digests.of(job, made)
        earlier = None
        if not self._job.settings.force_rerun and getattr(job, "is_deterministic", True):
            earlier = finished_run(digest)
        if earlier is not None and not _is_delivered(job):
            earlier = None
        document = self._document(run, step, job)
        if run.exists:
            run.store.replace_document(run.name, document)
            if _REUSED_FROM in run.state.properties:
                # What was another's work becomes its own.
                run.update(mlflow_run_id=None, properties={})
            run.update(status="Starting", error=None, ended_at=None)
        else:
            kind = STEP_KINDS[job.type]
            outputs = {each: f"{each}/paths" for each in step.outputs}
            Run.create(
                document,
                store=self._run.store,
                parent=self._parent(name),
                outputs={**outputs, **kind.outputs(job)},
                status="Starting",
            )
            kind.begin(run, job)
        if earlier is not None and earlier.name != run.name:
            self._take_over(run, step, earlier)
            self._origins[name] = self._origin(earlier)
            return Prepared(run, earlier.name, tuple(job.notices()))
        return Prepared(run, None, tuple(job.notices()))

    def finish(self, name: str) -> None:
        """A step has ended well: its outputs are put where other steps look for them.

        Raises:
            OutputError: the workspace cannot be written.
            UsageError: an output is not there.
        """
        run, step = self.run(name), self._graph.steps[name]
        for output in step.outputs:
            if not self._linked(run, output):
                made = STEP_KINDS[run.state.type].makes(run, output)
                raise UsageError(f"node {name!r} has ended without its output {output!r}, {made}")
        self._origins[name] = run.name
        remember(self._digest_of[name], run, list(step.outputs))

    def lost(self, name: str, reason: str) -> None:
        """Write down why a step failed whose worker could not, where it has a run."""
        run = self.run(name)
        if not run.exists:
            return
        if run.state.status in (*ACTIVE, "NotStarted") or run.state.error is None:
            run.update(status="Failed", error=str(reason), ended_at=now())

    def cancel(self, name: str) -> None:
        """Write down that a step was ended from outside."""
        self.run(name).update(status="Canceled", ended_at=now())

    def link(self, path: Path, made: Made) -> None:
        """Make `path` a link to what a step made.

        Raises:
            OutputError: it cannot be written.
        """
        link_output(path, self.run(made.step).named_outputs / made.output)

    def _name(self, step: str) -> str:
        return f"{self._run.name}-{step.replace('.', '-')}"

    def _parent(self, name: str) -> str:
        outer = name.rpartition(".")[0]
        return self.names[outer] if outer else self._run.name

    def _settled(self, step: Step) -> Job:
        job = step.job(self._path)
        settled: Any = STEP_KINDS[job.type].settle(job)
        return settled

    def _path(self, made: Made) -> str:
        return str(self.run(made.step).named_outputs / made.output)

    def _told(self, made: Made) -> str:
        """What tells something made from what other runs make."""
        return f"{self._origins[made.step]}/{made.output}"

    def _document(self, run: Run, step: Step, job: Job) -> dict[str, Any]:
        content = job.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True)
        return {
            **content,
            "type": job.type,
            "name": run.name,
            "display_name": step.name.rpartition(".")[2],
            "experiment_name": self._job.experiment_name,
            "tags": {**self._job.tags, **job.tags},
        }

    def _is_finished(self, run: Run, step: Step) -> bool:
        """Whether an earlier attempt has done all of a step's work."""
        if not run.exists or run.state.status != "Completed":
            return False
        # The pipeline may have been killed between the end of the run and the links to its outputs.
        return all(
            (run.named_outputs / output).exists() or self._linked(run, output)
            for output in step.outputs
        )

    def _linked(self, run: Run, output: str) -> bool:
        """Put what a run made where other steps look for it; whether it is there."""
        path, made = run.named_outputs / output, STEP_KINDS[run.state.type].makes(run, output)
        if not made.exists():
            return False
        if path != made:
            link_output(path, made)
        return True

    def _origin(self, run: Run) -> str:
        """The run that did the work of `run`."""
        return run.state.properties.get(_REUSED_FROM, run.name)

    def _take_over(self, run: Run, step: Step, earlier: Run) -> None:
        """Complete `run` with what `earlier` made."""
        shutil.rmtree(run.named_outputs, ignore_errors=True)
        for output in step.outputs:
            link_output(run.named_outputs / output, earlier.named_outputs / output)
        record = earlier.state
        run.update(
            status="Completed",
            started_at=now(),
            ended_at=now(),
            error=None,
            metrics=record.metrics,
            registered_model=record.registered_model,
            best_child=record.best_child,
            mlflow_run_id=record.mlflow_run_id,
            # The first is Azure's own name for it.
            properties={"azureml.isreused": "true", _REUSED_FROM: self._origin(earlier)},
        )


def _is_delivered(job: Job) -> bool:
    """Whether a step's outputs are also where its document wants copies, unless these were removed since."""
    paths = [getattr(output, "path", None) for output in getattr(job, "outputs", {}).values()]
    if any(path and JOB_NAME in path and not path.startswith("azureml:") for path in paths):
        # A place of each run's own.
        return False
    return all(Path(path).exists() for path in job.output_paths())
