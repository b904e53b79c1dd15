"""What a server of labelling keeps beside its requests: opened at its first use, ended with the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from labelling_store import Store

from tintype.errors import OutputError
from tintype.labelling.database import Database
from tintype.labelling.projects import change_project
from tintype.labelling.server.service import LabellingService


def test_looking_makes_no_store(workspace_home: Path) -> None:
    service = LabellingService(local=True)
    assert service.stamp() is None
    assert not (workspace_home / "labelling").exists()
    service.close()
    with pytest.raises(OutputError, match="stops"):
        service.labelling()
    assert not (workspace_home / "labelling").exists()


def test_the_stamp_is_another_one_after_each_change(store: Store, database: Database) -> None:
    service = LabellingService(local=True)
    assert service.labelling() is service.labelling()
    before = service.stamp()
    assert service.stamp() == before
    store.act("ann", "label", 0, labels=["Apple"])
    labelled = service.stamp()
    with database.writing() as connection:
        change_project(connection, store.project, state="paused")
    assert len({before, labelled, service.stamp()}) == 3
    Store(database, name="other")
    assert service.stamp() not in (before, labelled)
    service.close()
