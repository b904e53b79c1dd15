"""`tintype batch-endpoint`: names behind which deployments score files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tintype.cli.command import command, confirm, tell_notices
from tintype.cli.options import (
    Deployment,
    Name,
    NoWait,
    OptionalFile,
    OptionalName,
    Set,
    Stream,
    Yes,
)

if TYPE_CHECKING:
    from tintype.endpoints.batch.invocation import InputLike

__all__ = ["app"]

app = typer.Typer(help="Batch endpoints: files scored as jobs.", no_args_is_help=True)


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    set_: Set = None,
    no_wait: NoWait = False,
) -> object:
    """Create an endpoint, or replace its document; deployments of an existing one stay."""
    from tintype.client import Client
    from tintype.schemas.batch_endpoint import load_batch_endpoint

    document = load_batch_endpoint(file, set_ or [], {"name": name})
    tell_notices(document.notices())
    return Client().batch_endpoints.create_or_update(document)


@command(app)
def update(
    name: OptionalName = None,
    file: OptionalFile = None,
    set_: Set = None,
    defaults: Annotated[
        list[str] | None, typer.Option("--defaults", help="deployment_name=NAME.")
    ] = None,
    no_wait: NoWait = False,
) -> object:
    """Change an endpoint, above all its default: --set defaults.deployment_name=NAME."""
    from tintype.client import Client
    from tintype.errors import UsageError
    from tintype.schemas.document import read_yaml

    changes = read_yaml(file) if file is not None else None
    chosen = name or (changes.data.get("name") if changes is not None else None)
    if chosen is None:
        raise UsageError("which endpoint? give --name, or --file with a name in it")
    chosen_defaults = [f"defaults.{assignment}" for assignment in defaults or []]
    return Client().batch_endpoints.update(str(chosen), changes, [*(set_ or []), *chosen_defaults])


@command(app)
def show(name: Name) -> object:
    """Show one endpoint."""
    from tintype.client import Client

    return Client().batch_endpoints.get(name)


@command(app, "list")
def list_() -> object:
    """List all endpoints."""
    from tintype.client import Client

    return Client().batch_endpoints.list()


@command(app)
def delete(name: Name, yes: Yes = False, no_wait: NoWait = False) -> None:
    """Delete an endpoint with its deployments; its jobs stay."""
    from tintype.client import Client

    confirm(f"Delete endpoint {name!r} with its deployments?", yes)
    Client().batch_endpoints.delete(name)


@command(app)
def invoke(
    name: Name,
    deployment: Deployment = None,
    input_: Annotated[
        str | None,
        typer.Option(
            # The last three are older spellings of Azure's.
            "--input",
            "--input-data",
            "--input-path",
            "--input-local-path",
            help="Folder or file to score, azureml:NAME:VERSION, or a URL.",
        ),
    ] = None,
    input_type: Annotated[
        str | None, typer.Option("--input-type", help="uri_folder or uri_file.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="YAML document with named inputs.")
    ] = None,
    output_path: Annotated[
        str | None, typer.Option("-p", "--output-path", help="Folder for the output.")
    ] = None,
    mini_batch_size: Annotated[
        int | None, typer.Option("-m", "--mini-batch-size", help="Accepted as Azure's.")
    ] = None,
    instance_count: Annotated[
        int | None, typer.Option("-c", "--instance-count", help="On Ray: processes with the model.")
    ] = None,
    job_name: Annotated[str | None, typer.Option("--job-name", help="The job's name.")] = None,
    experiment_name: Annotated[
        str | None, typer.Option("--experiment-name", help="Its MLflow experiment.")
    ] = None,
    set_: Set = None,
    stream: Stream = False,
) -> object:
    """Start a job that scores files, and print the job."""
    from tintype.cli.job import follow
    from tintype.client import Client

    record = Client().batch_endpoints.invoke(
        name,
        deployment_name=deployment,
        inputs=_inputs(input_, input_type, file),
        output_path=output_path,
        overrides=set_ or [],
        job_name=job_name,
        instance_count=instance_count,
        mini_batch_size=mini_batch_size,
        experiment_name=experiment_name,
    )
    if stream:
        print(f"Job {record.name}", file=sys.stderr)
        record = follow(record.name, from_end=False)
    return record


@command(app, "list-jobs")
def list_jobs(name: Name) -> object:
    """List the jobs that were started through an endpoint, newest first."""
    from tintype.client import Client

    return Client().batch_endpoints.list_jobs(name)


def _inputs(given: str | None, kind: str | None, file: Path | None) -> dict[str, InputLike]:
    from tintype.errors import UsageError
    from tintype.schemas.batch_job import load_batch_inputs

    if given is not None and file is not None:
        raise UsageError("both --input and --file given; name the input in the file")
    if kind is not None and given is None:
        raise UsageError("--input-type is for --input; a file of inputs says it with type:")
    if file is not None:
        return dict(load_batch_inputs(file))
    if given is None:
        return {}
    return {"input": {"path": given} if kind is None else {"path": given, "type": kind}}
