"""`tintype monitor`: deployments that are looked after."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.command import Ended, command, confirm, tell_notices
from tintype.cli.options import LabelColumn, Name, OptionalFile, OptionalName, Set, Yes

__all__ = ["DRIFT", "app"]

DRIFT = 3
"""What `run` ends with where there is an alarm, so that a script can tell it from failure (1) and bad usage (2)."""

app = typer.Typer(
    help="Monitors: drift of a deployment's pictures and answers, and its accuracy.",
    no_args_is_help=True,
)


@command(app)
def create(file: OptionalFile = None, name: OptionalName = None, set_: Set = None) -> object:
    """Keep a monitor, of our own document or Azure's; one of the same name is replaced and keeps its windows."""
    from tintype.client import Client
    from tintype.schemas.monitor import load_monitor

    monitors = Client().monitors
    document = load_monitor(file, set_ or [], {"name": name})
    made = monitors.create_or_update(document)
    tell_notices(monitors.notices(document))
    return made


@command(app, "list")
def list_() -> object:
    """List monitors, by name."""
    from tintype.client import Client

    return Client().monitors.list()


@command(app)
def show(name: Name) -> object:
    """Show a monitor, and what its newest window showed."""
    from tintype.client import Client

    return Client().monitors.get(name)


@command(app)
def windows(name: Name) -> object:
    """List what all windows of a monitor showed, the oldest first."""
    from tintype.client import Client

    return Client().monitors.windows(name)


@command(app)
def run(name: Name) -> object:
    """Look at a monitor's newest window now. Ends with 3 where there is an alarm, with 0 where there is none."""
    from tintype.client import Client

    found = Client().monitors.run(name)
    for alarm in found.alarms:
        print(f"alarm: {alarm}", file=sys.stderr)
    return Ended(found, DRIFT if found.alarms else 0)


@command(app, "add-labels")
def add_labels(
    name: Name,
    file: Annotated[
        Path,
        typer.Option(
            "-f",
            "--file",
            help="CSV or JSONL with request_id, row and label; or labelled pictures.",
        ),
    ],
    label_column: LabelColumn = "label",
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out pictures that were not collected.")
    ] = False,
) -> object:
    """Take labels of collected pictures: how accurate the answers were."""
    from tintype.client import Client

    return Client().monitors.add_labels(
        name, file, label_column=label_column, ignore_unknown=ignore_unknown
    )


@command(app)
def delete(name: Name, yes: Yes = False) -> None:
    """Forget a monitor with all that it found, and its schedule; what was collected stays."""
    from tintype.client import Client

    confirm(f"Delete monitor {name}?", yes)
    Client().monitors.delete(name)
