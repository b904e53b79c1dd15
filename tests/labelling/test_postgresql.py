"""The same store in a real PostgreSQL server, where one is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from labelling_store import Store

from tintype.errors import OutputError, RequestError
from tintype.labelling.action_parts import PART
from tintype.labelling.actions import Action, Recorded
from tintype.labelling.database import Database, open_database
from tintype.labelling.doing import do_action
from tintype.labelling.tables import Base

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    pytest.importorskip("psycopg")
    initdb = shutil.which("initdb") or (str(PROGRAMS[-1] / "initdb") if PROGRAMS else None)
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed")
    folder = tmp_path_factory.mktemp("postgresql")
    as_user: dict[str, object] = {}
    if os.getuid() == 0:
        # It refuses to be root.
        nobody = pwd.getpwnam("nobody")
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid in (0, nobody.pw_uid) and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [initdb, "-D", str(data), "-U", "tintype", "-A", "trust", "--no-sync"]
    subprocess.run(command, check=True, cwd=folder, **as_user, **quiet)  # type: ignore[call-overload]
    server = subprocess.Popen(  # type: ignore[call-overload]
        [
            *(str(Path(initdb).with_name("postgres")), "-D", str(data)),
            *("-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"),
        ],
        cwd=folder,
        **as_user,
        **quiet,
    )
    uri = f"postgresql://tintype@/postgres?host={folder}"
    try:
        for attempt in range(200):
            try:
                database = open_database(uri)
                break
            except OutputError:
                assert attempt < 199 and server.poll() is None
                threading.Event().wait(0.1)
        yield database
        database.close()
    finally:
        server.terminate()
        server.wait()


def test_migrations_lead_to_the_tables(postgresql: Database) -> None:
    with postgresql.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_labels_undo_and_consensus(postgresql: Database) -> None:
    store = Store(postgresql, name="agreed", labellers={"least": 2, "most": 2})
    assert store.next("ann", 3) == store.next("bob", 3) == [0, 1, 2]
    store.act("ann", "label", 0, 1, labels=["Apple"])
    again = store.act("ann", "label", 2, labels=["Apple"], client_id="the-same-one")
    assert store.act("ann", "label", 2, labels=["Apple"], client_id="the-same-one").repeated
    assert again.pictures[0].state == "unlabelled"
    store.act("bob", "label", 0, labels=["Apple"])
    store.act("bob", "label", 1, labels=["Pear"])
    assert store.states == {"labelled": 1, "needs_review": 1, "unlabelled": 10}
    store.act("rita", "change", 1, labels=["Plum"])
    store.undo("rita")
    store.undo("bob")
    store.redo("bob")
    assert store.states == {"labelled": 1, "needs_review": 1, "unlabelled": 10}
    with pytest.raises(RequestError, match="another action"):
        store.act("bob", "flag", 0, client_id="the-same-one")


def test_many_at_once_get_different_pictures(postgresql: Database) -> None:
    store = Store(postgresql, name="crowd", count=40)
    names = [f"person {number}" for number in range(8)]
    for name in names:
        store.person(name)
    handed: dict[str, list[int]] = {}
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            handed[name] = store.next(name, 5)
            store.act(name, "label", *handed[name], labels=["Pear"])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert sorted(place for places in handed.values() for place in places) == list(range(40))
    assert store.states == {"labelled": 40}


def test_two_requests_do_one_large_action(postgresql: Database) -> None:
    count = 2 * PART + 100
    store = Store(postgresql, name="large", count=count)
    ids, project, ann = store.ids, store.project, store.person("ann")
    label = store.label("Apple")
    done: list[Recorded] = []

    def work() -> None:
        # As when a page sends again what has not been answered yet.
        action = Action("the-large-one", "label", ids, [label], how="bulk")
        done.append(do_action(postgresql, project, ann, action))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one.pictures) for one in done] == [count, count]
    assert all(one.state == "labelled" for one in done[0].pictures)
    assert store.states == {"labelled": count}
    assert len(store.undo("ann").pictures) == count and store.states == {"unlabelled": count}
