"""`tintype schedule`: jobs that the daemon submits again and again."""

from __future__ import annotations

from typing import Annotated

import typer

from tintype.cli.command import command
from tintype.cli.options import Name, NoWait, OptionalFile, OptionalName, Set, Yes

__all__ = ["app"]

app = typer.Typer(help="Schedules: jobs that are submitted again and again.", no_args_is_help=True)


@command(app)
def create(
    file: OptionalFile = None,
    name: OptionalName = None,
    set_: Set = None,
    no_wait: NoWait = False,
) -> object:
    """Keep a schedule; one of the same name is replaced. Starts the daemon."""
    from tintype.client import Client
    from tintype.schemas.schedule import load_schedule

    return Client().schedules.create_or_update(load_schedule(file, set_ or [], {"name": name}))


@command(app, "list")
def list_(
    include_disabled: Annotated[
        bool, typer.Option("--include-disabled", help="Also those that submit no jobs.")
    ] = False,
    disabled_only: Annotated[bool, typer.Option("--disabled-only", help="Only those.")] = False,
) -> object:
    """List schedules that are enabled, by name."""
    from tintype.client import Client

    view = "All" if include_disabled else "EnabledOnly"
    return Client().schedules.list(list_view_type="DisabledOnly" if disabled_only else view)


@command(app)
def update(name: Name, set_: Set = None, no_wait: NoWait = False) -> object:
    """Change a schedule: --set trigger.expression="0 4 * * *". It counts on from when it was made."""
    from tintype.client import Client

    return Client().schedules.update(name, set_ or [])


@command(app)
def show(name: Name) -> object:
    """Show a schedule, when it is due next and what it did last."""
    from tintype.client import Client

    return Client().schedules.get(name)


@command(app)
def enable(name: Name, no_wait: NoWait = False) -> object:
    """Let a schedule submit jobs again. Starts the daemon."""
    from tintype.client import Client

    return Client().schedules.enable(name)


@command(app)
def disable(name: Name, no_wait: NoWait = False) -> object:
    """Let a schedule submit no more jobs."""
    from tintype.client import Client

    return Client().schedules.disable(name)


@command(app)
def trigger(name: Name) -> object:
    """Submit a schedule's job now."""
    from tintype.client import Client

    return Client().schedules.trigger(name)


@command(app)
def delete(name: Name, yes: Yes = False, no_wait: NoWait = False) -> None:
    """Forget a schedule; its jobs stay."""
    from tintype.cli.command import confirm
    from tintype.client import Client

    confirm(f"Delete schedule {name}?", yes)
    Client().schedules.delete(name)
