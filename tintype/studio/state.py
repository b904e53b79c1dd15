"""What the routes of one studio share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from tintype.client import Client
from tintype.labelling.server.service import LabellingService
from tintype.studio.explanations import Explanations
from tintype.studio.people import People
from tintype.studio.tables.opened import Tables
from tintype.studio.watch import Watch
from tintype.workspace.run_index import RunIndex

__all__ = ["Studio", "StudioOf", "studio_of"]


@dataclass
class Studio:
    """The workspace, who may see it, and what tells of its changes."""

    runs: RunIndex
    watch: Watch
    client: Client
    people: People | None
    """Who may sign in; None where the server listens on this machine alone."""
    tables: Tables
    """Tables of pictures that pages look at."""
    labelling: LabellingService
    """The store of labelling projects, and who helps there."""
    explanations: Explanations
    """Of what runs have predicted."""

    def end_streams(self) -> None:
        """End the pages' open connections, and work that goes on beside them: the server stops."""
        self.watch.end()
        self.tables.close()
        self.explanations.close()


def studio_of(request: Request) -> Studio:
    """What the routes share."""
    found: Studio = request.app.state.studio
    return found


StudioOf = Annotated[Studio, Depends(studio_of)]
