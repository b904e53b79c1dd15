"""A store of a test's own, made once and copied: migrations take longer than what is tested."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from labelling_store import KnownFeatures, Store

from tintype.labelling.assistance.background import Assistants
from tintype.labelling.database import Database, open_database


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without a project."""
    path = tmp_path_factory.mktemp("store") / "labelling.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def database(empty_store: Path, workspace_home: Path) -> Iterator[Database]:
    """The store of this test's workspace."""
    target = workspace_home / "labelling" / "labelling.db"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(empty_store, target)
    opened = open_database()
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> Store:
    """A running project `fruit` of twelve pictures with the labels Apple, Pear and Plum."""
    return Store(database)


@pytest.fixture
def assistants(database: Database) -> Iterator[Assistants]:
    """Those of a server, on features whose classes are known."""
    made = Assistants(database, lambda *_: KnownFeatures())
    yield made
    made.close()
