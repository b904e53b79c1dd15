"""`tintype compute`: names that documents give under `compute`."""

from __future__ import annotations

from typing import Annotated

import typer

from tintype.cli.command import command, confirm, tell_notices
from tintype.cli.options import (
    WITHOUT_EFFECT,
    Description,
    Name,
    NoWait,
    OptionalFile,
    OptionalName,
    Set,
    Tags,
    Yes,
    tags_of,
)

__all__ = ["app"]

app = typer.Typer(
    help="Computes: names for this machine and for Ray clusters.", no_args_is_help=True
)

Address = Annotated[
    str | None, typer.Option("--address", help="ray://HOST:PORT, or ray for RAY_ADDRESS.")
]


def _kept(help_: str, *names: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *names, help=help_, rich_help_panel=WITHOUT_EFFECT
    )
    return option


@command(app)
def create(
    name: OptionalName = None,
    file: OptionalFile = None,
    type_: Annotated[
        str | None,
        typer.Option("-t", "--type", help="amlcompute (default): this machine. ray: a cluster."),
    ] = None,
    address: Address = None,
    size: Annotated[str | None, _kept("SKU of its machines.", "--size")] = None,
    min_instances: Annotated[int | None, _kept("Fewest machines.", "--min-instances")] = None,
    max_instances: Annotated[int | None, _kept("Most machines.", "--max-instances")] = None,
    idle_time: Annotated[
        int | None,
        _kept("Seconds until it shrinks.", "-d", "--idle-time-before-scale-down"),
    ] = None,
    tier: Annotated[str | None, _kept("dedicated or low_priority.", "--tier")] = None,
    location: Annotated[str | None, _kept("Region.", "-l", "--location")] = None,
    description: Annotated[str | None, typer.Option("--description", help="For people.")] = None,
    tags: Tags = None,
    set_: Set = None,
    no_wait: NoWait = False,
) -> object:
    """Make a name known; in documents it means this machine, or the Ray cluster at --address."""
    return _keep(
        file,
        set_,
        name=name,
        type=type_,
        address=address,
        size=size,
        min_instances=min_instances,
        max_instances=max_instances,
        idle_time_before_scale_down=idle_time,
        tier=tier,
        location=location,
        description=description,
        tags=tags_of(tags),
    )


@command(app)
def attach(
    name: OptionalName = None,
    file: OptionalFile = None,
    type_: Annotated[str | None, typer.Option("-t", "--type", help="ray.")] = None,
    address: Address = None,
    resource_id: Annotated[
        str | None, typer.Option("-i", "--resource-id", help="As Azure's; the same as --address.")
    ] = None,
    description: Description = None,
    set_: Set = None,
    no_wait: NoWait = False,
) -> object:
    """Map a name to a Ray cluster that runs already."""
    return _keep(
        file,
        set_,
        name=name,
        type=type_,
        address=address,
        resource_id=resource_id,
        description=description,
    )


@command(app)
def show(name: Name) -> object:
    """Show one compute."""
    from tintype.client import Client

    return Client().compute.get(name)


@command(app, "list")
def list_(
    type_: Annotated[str | None, typer.Option("-t", "--type", help="Of this kind only.")] = None,
    max_results: Annotated[
        int | None, typer.Option("-r", "--max-results", min=1, help="Most to show.")
    ] = None,
) -> object:
    """List all computes."""
    from tintype.client import Client

    return Client().compute.list(compute_type=type_)[:max_results]


@command(app)
def delete(
    name: Name,
    yes: Yes = False,
    no_wait: NoWait = False,
    action: Annotated[str | None, _kept("Delete or Detach.", "-a", "--action")] = None,
) -> None:
    """Forget a name; documents that give it mean this machine again."""
    from tintype.client import Client

    confirm(f"Delete compute {name!r}?", yes)
    Client().compute.delete(name)


@command(app)
def detach(name: Name, yes: Yes = False, no_wait: NoWait = False) -> None:
    """The same as delete."""
    from tintype.client import Client

    confirm(f"Detach compute {name!r}?", yes)
    Client().compute.delete(name)


def _keep(file: OptionalFile, set_: Set, **options: object) -> object:
    from tintype.client import Client
    from tintype.schemas.compute import load_compute

    document = load_compute(file, set_ or [], options)
    tell_notices(document.notices())
    return Client().compute.create_or_update(document)
