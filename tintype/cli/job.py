"""`tintype job`: submit, list, show, stream, cancel, resume, download, archive."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tintype.cli.command import command, tell_notices
from tintype.cli.options import (
    WITHOUT_EFFECT,
    File,
    IncludeArchived,
    Name,
    OptionalName,
    Set,
    Stream,
)

if TYPE_CHECKING:
    from tintype.workspace.runs import RunRecord

__all__ = ["app", "follow"]

app = typer.Typer(help="Jobs: training runs and what they made.", no_args_is_help=True)


class Quality(StrEnum):
    """Values of --quality."""

    FAST = "fast"
    GOOD = "good"
    BEST = "best"


Web = Annotated[bool, typer.Option("-e", "--web", help="As in az.", rich_help_panel=WITHOUT_EFFECT)]


@command(app)
def create(
    file: File,
    name: OptionalName = None,
    set_: Set = None,
    stream: Stream = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the job of that name, if there is one.")
    ] = False,
    skip_validation: Annotated[
        bool, typer.Option("--skip-validation", help="Leave the checks to the job itself.")
    ] = False,
    save_as: Annotated[
        Path | None, typer.Option("-a", "--save-as", help="Also write the job, as YAML, here.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", help="AutoML: time for the whole job, 5m or 1h, and no other limit."
        ),
    ] = None,
    quality: Annotated[
        Quality | None, typer.Option("--quality", help="AutoML: how much is tried.")
    ] = None,
    web: Web = False,
) -> object:
    """Submit a job document."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.jobs.run import Run
    from tintype.schemas.job import load_job
    from tintype.workspace.computes import placed

    jobs = Client().jobs
    options = {"name": name, "budget": budget, "quality": quality and quality.value}
    given = [f"{key}={json.dumps(value)}" for key, value in options.items() if value is not None]
    job = placed(load_job(file, [*(set_ or []), *given]))
    tell_notices(job.notices())
    known = False
    if resume:
        if job.name is None:
            raise UsageError("--resume needs the job's name: give --name, or name: in the document")
        known = Run(job.name).exists
    if known and job.name is not None:
        record = jobs.resume(job.name)
    else:
        record = jobs.create_or_update(job, validate=not skip_validation)
    if save_as is not None:
        _save(record, save_as)
    if stream:
        print(f"Job {record.name}", file=sys.stderr)
        record = follow(record.name, from_end=known)
    return record


@command(app)
def validate(file: File, set_: Set = None) -> object:
    """Check a job document, its data and its model, and start nothing."""
    from tintype.client import Client
    from tintype.schemas.job import load_job

    job = load_job(file, set_ or [])
    Client().jobs.validate(job)
    return {"result": "Succeeded", "warnings": job.notices()}


@command(app, "list")
def list_(
    max_results: Annotated[int, typer.Option("-r", "--max-results", help="Most to show.")] = 50,
    all_results: Annotated[bool, typer.Option("--all-results", help="Show all.")] = False,
    include_archived: IncludeArchived = False,
    archived_only: Annotated[
        bool, typer.Option("--archived-only", help="Show what was archived only.")
    ] = False,
    parent: Annotated[
        str | None, typer.Option("-p", "--parent-job-name", help="Children of this job.")
    ] = None,
) -> object:
    """List jobs, newest first."""
    from tintype.client import Client

    runs = Client().jobs.list(
        include_archived=include_archived or archived_only, parent_job_name=parent
    )
    if archived_only:
        runs = [run for run in runs if run.archived]
    return runs if all_results else runs[:max_results]


@command(app)
def show(name: Name, web: Web = False) -> object:
    """Show a job."""
    from tintype.client import Client

    return Client().jobs.get(name)


@command(app)
def stream(name: Name) -> None:
    """Follow a job's log to its end."""
    follow(name, from_end=False)


@command(app)
def cancel(name: Name) -> object:
    """End a job; it can be resumed."""
    from tintype.client import Client

    return Client().jobs.cancel(name)


@command(app)
def resume(name: Name, stream: Stream = False) -> object:
    """Go on with a job that failed, was killed or canceled, from its last checkpoint."""
    from tintype.client import Client

    record = Client().jobs.resume(name)
    return follow(name, from_end=True) if stream else record


@command(app)
def download(
    name: Name,
    path: Annotated[Path, typer.Option("-p", "--download-path", help="Folder to copy to.")] = Path(
        "."
    ),
    output_name: Annotated[
        str | None, typer.Option("--output-name", help="A named output.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Outputs and log.")] = False,
) -> None:
    """Copy a job's outputs."""
    from tintype.client import Client

    print(Client().jobs.download(name, path, output_name=output_name, everything=all_))


@command(app)
def update(name: Name, set_: Set = None, web: Web = False) -> object:
    """Change what a job says of itself: --set display_name=, description=, tags.KEY=."""
    from tintype.client import Client

    return Client().jobs.update(name, set_ or [])


@command(app, "show-services")
def show_services(name: Name) -> object:
    """Show where a job can be looked at: its MLflow run, its folder."""
    from tintype.client import Client

    return Client().jobs.show_services(name)


@command(app)
def archive(name: Name) -> None:
    """Hide a job from lists."""
    from tintype.client import Client

    Client().jobs.archive(name)


@command(app)
def restore(name: Name) -> None:
    """Bring an archived job back."""
    from tintype.client import Client

    Client().jobs.restore(name)


def _save(record: RunRecord, path: Path) -> None:
    import yaml

    from tintype.files import write_text

    write_text(path, yaml.safe_dump(record.shown(), sort_keys=False, allow_unicode=True))


def follow(name: str, *, from_end: bool) -> RunRecord:
    """Print a job's log until it ends, and give its record; Ctrl-C ends only the printing.

    Raises:
        RunFailed: the job ended in failure.
        typer.Exit: with 130, after Ctrl-C.
    """
    from tintype.cli.live_table import follow_table, is_terminal
    from tintype.client import Client
    from tintype.jobs.kinds import kind_of
    from tintype.jobs.run import Run
    from tintype.workspace.runs import FINAL

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    try:
        run = Run(name)
        table = kind_of(run).table
        if is_terminal() and table is not None:
            follow_table(table, run.folder, lambda: run.state.status in FINAL)
            from_end = True
        return Client().jobs.stream(name, write, from_end=from_end)
    except KeyboardInterrupt:
        print(
            f"\nStopped following; the job goes on. Follow it again: tintype job stream -n {name}; "
            f"end it: tintype job cancel -n {name}",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
