"""The top of the command line, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tintype.cli import (
    az,
    batch,
    batch_deployment,
    batch_endpoint,
    component,
    compute,
    daemon,
    data,
    environment,
    evaluate,
    explain,
    job,
    label,
    model,
    monitor,
    online_deployment,
    online_endpoint,
    predict,
    schedule,
    serve,
    similar,
    studio,
    workspace,
)
from tintype.cli.not_here import refuse_what_is_not_here
from tintype.cli.spelling import one_value_each, without_azures_own
from tintype.errors import TintypeError
from tintype.version import __version__

__all__ = ["main"]


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"tintype {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="tintype",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _everywhere(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show it and end."),
    ] = False,
) -> None:
    """Labelled pictures in, a served and trusted image model out."""


app.add_typer(job.app, name="job")
app.add_typer(model.app, name="model")
app.add_typer(data.app, name="data")
app.add_typer(online_endpoint.app, name="online-endpoint")
app.add_typer(online_deployment.app, name="online-deployment")
app.add_typer(batch_endpoint.app, name="batch-endpoint")
app.add_typer(batch_deployment.app, name="batch-deployment")
app.add_typer(compute.app, name="compute")
app.add_typer(component.app, name="component")
app.add_typer(environment.app, name="environment")
app.add_typer(schedule.app, name="schedule")
app.add_typer(monitor.app, name="monitor")
app.add_typer(label.app, name="label")
app.add_typer(workspace.app, name="workspace")
# Commands without a noun.
for single in (az, batch, predict, explain, evaluate, serve, similar, studio, daemon):
    app.add_typer(single.app)


def main() -> None:
    """Run the command line; ends the process with 0, 1 (failure), 2 (usage) or 130 (interrupt)."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        if arguments[:1] == ["az"] and arguments[1:] not in ([], ["--help"], ["-h"]):
            return az.run_az(arguments[1:], _run)
        return _parsed(arguments)
    except TintypeError as error:
        return _tell(str(error), error.exit_code)
    except typer.Abort:
        return _tell("interrupted", 130)
    except typer.Exit as ended:
        return ended.exit_code
    except TyperException as error:
        # A command line that does not parse: Typer shows its own usage lines.
        error.show()  # type: ignore[attr-defined]
        return error.exit_code
    except KeyboardInterrupt:
        return _tell("interrupted", 130)
    except BrokenPipeError:
        # The reader (head, less) has gone: not our failure, and nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _tell(f"{type(error).__name__}: {error}{_saved_traceback()}", 1)


def _parsed(arguments: list[str]) -> int:
    """Run the arguments of one command; its exit code."""
    refuse_what_is_not_here(arguments)
    nouns = {group.name for group in app.registered_groups if group.name is not None}
    if arguments and arguments[0] in nouns:
        # Commands of our own have options of these names.
        arguments = without_azures_own(arguments)
    result = app(args=one_value_each(arguments), standalone_mode=False)
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _tell(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _saved_traceback() -> str:
    """Keep the traceback of an unforeseen error in a file, and say where."""
    from tintype.files import write_text
    from tintype.settings import get_settings

    try:
        path = get_settings().home / "crashes" / f"{os.getpid()}.txt"
        write_text(path, traceback.format_exc())
    except TintypeError:
        return ""
    return f" (this is a defect of Tintype's; the traceback is in {path})"
