"""`tintype job`: submit, list, show, stream, cancel, resume, download, archive."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tintype.cli.output import Format, IgnoredGroup, IgnoredWorkspace, OutputFormat, Query, show

if TYPE_CHECKING:
    from tintype.workspace.runs import RunRecord

__all__ = ["app", "follow"]

app = typer.Typer(help="Jobs: training runs and what they made.", no_args_is_help=True)

Name = Annotated[str, typer.Option("-n", "--name", help="The job's name.")]


@app.command()
def create(
    file: Annotated[Path, typer.Option("-f", "--file", help="The job's YAML document.")],
    name: Annotated[str | None, typer.Option("-n", "--name", help="Its name, unique.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key: a.b=value. Repeatable.")
    ] = None,
    stream: Annotated[bool, typer.Option("-s", "--stream", help="Follow it to its end.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the job of that name, if there is one.")
    ] = False,
    skip_validation: Annotated[
        bool, typer.Option("--skip-validation", help="Leave the checks to the job itself.")
    ] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Submit a job document."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.jobs.run import Run
    from tintype.schemas.job import load_job

    client = Client()
    job = load_job(file, [*(set_ or []), *([f"name={json.dumps(name)}"] if name else [])])
    for notice in job.notices():
        print(f"notice: {notice}", file=sys.stderr)
    known = False
    if resume:
        if job.name is None:
            raise UsageError("--resume needs the job's name: give --name, or name: in the document")
        known = Run(job.name).exists
    if known and job.name is not None:
        record = client.jobs.resume(job.name)
    else:
        record = client.jobs.create_or_update(job, validate=not skip_validation)
    if stream:
        print(f"Job {record.name}", file=sys.stderr)
        record = follow(record.name, from_end=known)
    show(record.shown(), output, query)


@app.command("list")
def list_(
    max_results: Annotated[int, typer.Option("-r", "--max-results", help="Most to show.")] = 50,
    all_results: Annotated[bool, typer.Option("--all-results", help="Show all.")] = False,
    include_archived: Annotated[bool, typer.Option("--include-archived")] = False,
    archived_only: Annotated[bool, typer.Option("--archived-only")] = False,
    parent: Annotated[
        str | None, typer.Option("-p", "--parent-job-name", help="Children of this job.")
    ] = None,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """List jobs, newest first."""
    from tintype.client import Client

    jobs = Client().jobs
    if parent is not None:
        children = [run.shown() for run in jobs.list(parent_job_name=parent)]
        return show(children if all_results else children[:max_results], output, query)
    runs = jobs.list(include_archived=include_archived or archived_only)
    runs = [run for run in runs if run.archived or not archived_only]
    return show(
        [run.shown() for run in (runs if all_results else runs[:max_results])], output, query
    )


@app.command("show")
def show_(
    name: Name,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Show a job."""
    from tintype.client import Client

    show(Client().jobs.get(name).shown(), output, query)


@app.command()
def stream(name: Name, group: IgnoredGroup = None, workspace: IgnoredWorkspace = None) -> None:
    """Follow a job's log to its end."""
    follow(name, from_end=False)


@app.command()
def cancel(
    name: Name,
    output: OutputFormat = Format.JSON,
    query: Query = None,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """End a job; it can be resumed."""
    from tintype.client import Client

    show(Client().jobs.cancel(name).shown(), output, query)


@app.command()
def resume(
    name: Name,
    stream: Annotated[bool, typer.Option("-s", "--stream", help="Follow it to its end.")] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Go on with a job that failed, was killed or canceled, from its last checkpoint."""
    from tintype.client import Client

    record = Client().jobs.resume(name)
    if stream:
        record = follow(name, from_end=True)
    show(record.shown(), output, query)


@app.command()
def download(
    name: Name,
    path: Annotated[Path, typer.Option("-p", "--download-path", help="Folder to copy to.")] = Path(
        "."
    ),
    output_name: Annotated[
        str | None, typer.Option("--output-name", help="A named output.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Outputs and log.")] = False,
    group: IgnoredGroup = None,
    workspace: IgnoredWorkspace = None,
) -> None:
    """Copy a job's outputs."""
    from tintype.client import Client

    print(Client().jobs.download(name, path, output_name=output_name, everything=all_))


@app.command()
def archive(name: Name, group: IgnoredGroup = None, workspace: IgnoredWorkspace = None) -> None:
    """Hide a job from lists."""
    from tintype.client import Client

    Client().jobs.archive(name)


@app.command()
def restore(name: Name, group: IgnoredGroup = None, workspace: IgnoredWorkspace = None) -> None:
    """Bring an archived job back."""
    from tintype.client import Client

    Client().jobs.restore(name)


def follow(name: str, *, from_end: bool) -> RunRecord:
    """Print a job's log until it ends, and give its record; Ctrl-C ends only the printing.

    Raises:
        RunFailed: the job ended in failure.
        typer.Exit: with 130, after Ctrl-C.
    """
    from tintype.cli.sweep_table import follow_sweep, is_terminal
    from tintype.client import Client
    from tintype.jobs.automl.status import FILE
    from tintype.jobs.kinds import kind_of
    from tintype.jobs.run import Run
    from tintype.workspace.runs import FINAL

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    try:
        run = Run(name)
        if is_terminal() and kind_of(run).has_trials:
            follow_sweep(run.folder / FILE, lambda: run.state.status in FINAL)
            from_end = True
        return Client().jobs.stream(name, write, from_end=from_end)
    except KeyboardInterrupt:
        print(
            f"\nStopped following; the job goes on. Follow it again: tintype job stream -n {name}; "
            f"end it: tintype job cancel -n {name}",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
