"""Verbs that every kind of asset has in the same words."""

from __future__ import annotations

import typer

from tintype.cli.command import command
from tintype.cli.options import Name, Version

__all__ = ["add_archive_and_restore"]


def add_archive_and_restore(app: typer.Typer, noun: str) -> None:
    """Give `app` the verbs archive and restore.

    Args:
        noun: the client's, such as "models".
    """

    @command(app)
    def archive(name: Name, version: Version = None) -> None:
        """Hide a version, or all, from lists and from @latest."""
        from tintype.client import Client

        getattr(Client(), noun).archive(name, version)

    @command(app)
    def restore(name: Name, version: Version = None) -> None:
        """Bring an archived version, or all, back."""
        from tintype.client import Client

        getattr(Client(), noun).restore(name, version)
