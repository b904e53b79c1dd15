"""The walk *pipeline*: a graph of steps becomes runs, side by side where they can. Read it from top to bottom.

runs/<job>/graph.json            where its steps stand
           outputs/pipeline.html the same as a picture
           named-outputs/<name>  links to what its nodes made
runs/<job>-<node>/               the run of a node
"""

from __future__ import annotations

from tintype.errors import DocumentError, RunCancelled, RunFailed, UsageError
from tintype.jobs.command import job as command
from tintype.jobs.event_log import log_notices
from tintype.jobs.outputs import deliver_outputs, reserved
from tintype.jobs.pipeline.components import with_components
from tintype.jobs.pipeline.graph import build_graph
from tintype.jobs.pipeline.scheduler import Scheduler
from tintype.jobs.pipeline.steps import Graph, Made, Step
from tintype.jobs.run import Run
from tintype.jobs.step_kinds import STEP_KINDS
from tintype.jobs.sweep import checks as sweep
from tintype.schemas.command_job import CommandJob
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.sweep_job import SweepJob
from tintype.tasks import TaskContext

__all__ = ["check", "execute", "settle"]

# Letters; together they name the folder of the node's run. A name that is made up has some thirty more.
_LONGEST_NAMES = 210

# Stands for what is not made yet; no path is like it.
_PENDING = "azureml://jobs/pending/outputs/"


def settle(job: PipelineJob) -> PipelineJob:
    """See `JobKind.settle`: with components written out and code kept, as they are now.

    Raises:
        DocumentError: one of them is not there.
    """
    return with_components(job)


def check(job: PipelineJob) -> None:
    """The whole graph: references, types, circles, and every node's own document and data.

    Raises:
        UsageError: names file, line and field of what is wrong.
    """
    graph = build_graph(job)
    for step in graph.steps.values():
        if len(job.name or "") + len(step.name) > _LONGEST_NAMES:
            message = "the names of the job, the node and the nodes around it are too long together"
            raise _placed(step, DocumentError(f"{message}; {_LONGEST_NAMES} letters have room"))
        try:
            _check_step(step)
        except DocumentError as error:
            raise _placed(step, error) from None
        except UsageError as error:
            raise DocumentError(
                str(error),
                file=step.document.path,
                line=step.document.line(step.key),
                field=".".join(map(str, step.key)),
            ) from None


def execute(job: PipelineJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`; begun anew, it goes on with the steps that have not ended well.

    Raises:
        RunFailed: a node failed; names it.
        RunCancelled: it was asked to stop.
    """
    log_notices(job.notices())
    graph = build_graph(job)
    tags = {**job.tags, "tintype.type": "pipeline"}
    with run.tracked(job.experiment_name, tags) as tracking, reserved(job.output_paths()):
        scheduler = Scheduler(job, run, graph, context)
        try:
            scheduler.run_all()
        finally:
            scheduler.close()
        if context.stop() is not None:
            raise RunCancelled("the pipeline was asked to stop; finished nodes are kept")
        metrics, registered = scheduler.results()
        tracking.log_metrics(metrics, step=0)
        if scheduler.failures:
            raise RunFailed(_failure(scheduler.failures, graph))
        for name, made in graph.outputs.items():
            scheduler.link(run.named_outputs / name, made)
        own = deliver_outputs(job.outputs, run)
        run.update(metrics=metrics, registered_model=own or registered)
    print(f"Completed: {len(graph.steps)} nodes; see {run.outputs / 'pipeline.html'}", flush=True)


def _check_step(step: Step) -> None:
    pending: set[str] = set()

    def pend(made: Made) -> str:
        pending.add(made.output)
        return f"{_PENDING}{made.step}.{made.output}/"

    job = step.job(pend)
    kind = STEP_KINDS[job.type]
    if not pending:
        kind.check(kind.settle(job))
    elif isinstance(job, CommandJob | SweepJob):
        waiting = {
            name
            for name, value in job.inputs.items()
            if str(getattr(value, "path", "")).startswith(_PENDING)
        }
        if isinstance(job, CommandJob):
            command.check(command.settle(job, waiting))
        else:
            sweep.check(sweep.settle(job, waiting))


def _placed(step: Step, error: DocumentError) -> DocumentError:
    """`error` of a step's own document with the step's name before its field."""
    field = ".".join([*map(str, step.key), *([error.field] if error.field else [])])
    line = error.line or step.document.line(step.key)
    return DocumentError(
        error.message, file=error.file or step.document.path, line=line, field=field
    )


def _failure(failures: dict[str, str], graph: Graph) -> str:
    name = next(iter(failures))
    several = ""
    if len(failures) > 1:
        several = f"{len(failures)} of {len(graph.steps)} nodes failed: {', '.join(failures)}. "
    written_at = graph.steps[name].written_at
    place = "" if written_at is None else f" ({written_at})"
    return f"{several}Node {name!r}{place} failed: {failures[name]}"
