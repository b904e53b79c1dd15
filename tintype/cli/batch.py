"""`tintype batch`: score any number of images without an endpoint."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tintype.cli.command import command
from tintype.cli.options import Model
from tintype.cli.scoring_options import takes_scoring

if TYPE_CHECKING:
    from tintype.errors import UsageError
    from tintype.schemas.explanation_settings import BatchExplanations

__all__ = ["app"]

app = typer.Typer()


class Form(StrEnum):
    """How rows are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


class Which(StrEnum):
    """Values of --explain-which."""

    EVENLY = "evenly"
    FIRST = "first"
    LEAST_CERTAIN = "least_certain"


@command(app, azures=False)
@takes_scoring
def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Folder (its subfolders too), MLTable folder, .csv, .jsonl, .parquet, .tar, an "
            "image, or .txt with a path or URL a line.",
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder for what comes of it.")],
    model: Model,
    form: Annotated[
        Form, typer.Option("--format", help="parquet, csv (Azure's columns) or jsonl.")
    ] = Form.PARQUET,
    header: Annotated[bool, typer.Option("--header", help="Name the columns of a CSV.")] = False,
    summary_only: Annotated[bool, typer.Option("--summary-only", help="Write no rows.")] = False,
    scoring: Any = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, max=1024, help="Images in one pass of the model.")
    ] = 32,
    shard_rows: Annotated[
        int,
        typer.Option(
            "--shard-rows", min=1, help="Most rows written together: what a kill can cost."
        ),
    ] = 1024,
    error_threshold: Annotated[
        int, typer.Option("--error-threshold", min=-1, help="Most input files that may fail.")
    ] = -1,
    max_retries: Annotated[
        int, typer.Option("--max-retries", min=0, help="Of images that cannot be read.")
    ] = 3,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds to read one pass's images.")
    ] = 30.0,
    compute: Annotated[
        str, typer.Option("--compute", help="local, ray, or ray://host:port.")
    ] = "local",
    instance_count: Annotated[
        int, typer.Option("--instance-count", min=1, help="On Ray: processes with the model.")
    ] = 1,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", help="Also explain answers: auto, or a method of `tintype explain`."
        ),
    ] = None,
    explain_rows: Annotated[
        str | None,
        typer.Option(
            "--explain-rows", help="The most rows that are explained, or all. Default: 100."
        ),
    ] = None,
    explain_which: Annotated[
        Which | None,
        typer.Option("--explain-which", help="Which ones, where there are more. Default: evenly."),
    ] = None,
    attributions: Annotated[
        bool, typer.Option("--attributions", help="Write explanations as arrays, too.")
    ] = False,
) -> object:
    """Score every image of INPUT into OUTPUT; run it again to go on where it was ended."""
    from tintype.batch.options import BatchOptions, Retries
    from tintype.batch.runner import run_batch
    from tintype.errors import RunCancelled
    from tintype.jobs.batch_explanations import ExplainRows
    from tintype.jobs.explanations import check_explain
    from tintype.models.checkpoint import check_obtainable
    from tintype.workspace.registry import resolve_model

    scoring = scoring.model_copy(update={"batch_size": batch_size})
    reference = resolve_model(model)
    check_obtainable(reference)
    explaining = None
    settings = _explanations(explain, explain_rows, explain_which, attributions)
    if settings is not None:
        check_explain(reference, scoring, settings, _at_option)
        explaining = ExplainRows(settings, lambda line: print(line, file=sys.stderr))
    asked_to_stop = threading.Event()
    # A pass of the model is finished first; a second Ctrl-C ends at once.
    signal.signal(signal.SIGINT, _stopper(asked_to_stop))
    signal.signal(signal.SIGTERM, _stopper(asked_to_stop))
    try:
        summary = run_batch(
            str(reference),
            {"input": source},
            folder,
            options=BatchOptions(
                form=form.value,
                file_name=f"predictions.{form.value}",
                header=header,
                writes_rows=not summary_only,
                error_threshold=error_threshold,
                retries=Retries(max_retries, timeout),
                shard_rows=shard_rows,
                compute=compute,
                actors=instance_count,
            ),
            scoring=scoring,
            second_pass=explaining,
            cancelled=asked_to_stop.is_set,
            tell=lambda line: None if sys.stderr.isatty() else print(line, file=sys.stderr),
        )
    except RunCancelled as stopped:
        print(stopped, file=sys.stderr)
        raise typer.Exit(130) from None
    content = summary.content()
    del content["identity"]
    return {**content, "folder": str(folder)}


def _explanations(
    method: str | None, rows: str | None, which: Which | None, attributions: bool
) -> BatchExplanations | None:
    """What the options ask for; None where nothing is to be explained.

    Raises:
        UsageError: an option that cannot be used, or that is for --explain.
    """
    from tintype.errors import UsageError
    from tintype.schemas.document import Document, validate
    from tintype.schemas.explanation_settings import BatchExplanations

    given = {
        "rows": int(rows) if rows is not None and rows.isdecimal() else rows,
        "which": which and which.value,
        "attributions": attributions or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if method is not None:
        return validate(BatchExplanations, Document({"method": method, **given}))
    for name in given:
        option = name if name == "attributions" else f"explain-{name}"
        raise UsageError(f"--{option} is for --explain METHOD; give both")
    return None


def _at_option(key: tuple[str | int, ...], message: str) -> UsageError:
    from tintype.errors import UsageError

    return UsageError(f"--explain: {message}")


def _stopper(asked_to_stop: threading.Event) -> Callable[[int, object], None]:
    def stop(number: int, frame: object) -> None:
        if asked_to_stop.is_set():
            raise KeyboardInterrupt
        asked_to_stop.set()

    return stop
