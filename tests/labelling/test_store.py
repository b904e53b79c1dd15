"""The store: one transaction an action, nothing twice, undo without limit, and kills and full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from labelling_store import Store
from sqlalchemy import func, select, text

from tintype.errors import OutputError, RequestError, UsageError
from tintype.labelling.actions import Action, record_action
from tintype.labelling.database import Database, open_database
from tintype.labelling.handing_out import give_back
from tintype.labelling.labels import add_labels, remove_label
from tintype.labelling.picture_files import look_at_files, note_files
from tintype.labelling.pictures import (
    PictureFilter,
    add_pictures,
    count_by_label,
    history_of,
    page_of,
)
from tintype.labelling.projects import change_project, create_project
from tintype.labelling.tables import ActionRow, Base, ChangeRow, PictureLabelRow, PictureRow
from tintype.schemas.labelling_project import LabelDocument, LabellingProjectDocument


def test_migrations_lead_to_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_store_of_a_later_version_is_refused(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    uri = f"{database.engine.url}?timeout=20"
    with pytest.raises(UsageError, match="install the Tintype that wrote it"):
        open_database(uri)
    with pytest.raises(UsageError, match="mysql"):
        open_database("mysql://user:secret@host/x")


def test_labels_states_and_counts(store: Store) -> None:
    store.act("ann", "label", 0, labels=["Apple"])
    store.act("ann", "label", 1, 2, labels=["Pear"], how="bulk")
    store.act("ann", "skip", 3, text="blurred")
    store.act("ann", "label", 0, labels=["Plum"])
    assert store.states == {"unlabelled": 8, "labelled": 3, "skipped": 1}
    assert store.picture(0) | {"decided_at": 0} == {
        "id": store.ids[0],
        "name": "0.jpg",
        "state": "labelled",
        "labels": ["Plum"],
        "how": "chosen",
        "person": "ann",
        "decided_at": 0,
        "flagged": False,
        "fault": None,
        "revision": 2,
    }
    with store.database.reading() as connection:
        assert count_by_label(connection, store.project) == {"Apple": 0, "Pear": 2, "Plum": 1}
        chosen = PictureFilter(label=store.label("Pear"))
        page = page_of(connection, store.project, chosen, after=store.ids[1], limit=9)
        assert [picture.name for picture in page] == ["2.jpg"]
        both = PictureFilter(states=("skipped", "labelled"))
        page = page_of(connection, store.project, both, after=store.ids[0], limit=2)
        assert [picture.name for picture in page] == ["1.jpg", "2.jpg"]
        bulk = PictureFilter(states=("labelled",), hows=("bulk",))
        assert len(page_of(connection, store.project, bulk, after=0, limit=9)) == 2
        kinds = [entry["labels"] for entry in history_of(connection, store.project, store.ids[0])]
        assert kinds == [["Plum"], ["Apple"]]


def test_an_action_that_comes_twice_is_done_once(store: Store) -> None:
    first = store.act("ann", "label", 0, labels=["Apple"], client_id="the-same-one")
    again = store.act("ann", "label", 0, labels=["Apple"], client_id="the-same-one")
    assert again.repeated and again.action_id == first.action_id
    assert again.pictures == first.pictures
    with pytest.raises(RequestError, match="another action") as refused:
        store.act("bob", "label", 1, labels=["Apple"], client_id="the-same-one")
    assert refused.value.status == 409
    with store.database.reading() as connection:
        assert connection.execute(select(func.count(ActionRow.id))).scalar() == 1


def test_two_windows_on_one_picture(store: Store) -> None:
    seen = {store.ids[0]: 0}
    store.act("ann", "label", 0, labels=["Apple"], revisions=seen)
    with pytest.raises(RequestError, match="changed meanwhile") as refused:
        store.act("ann", "label", 0, labels=["Pear"], revisions=seen)
    assert refused.value.status == 409
    assert store.picture(0)["labels"] == ["Apple"]
    # What was refused is not in the log either, so that it can be sent anew.
    with store.database.reading() as connection:
        assert connection.execute(select(func.count(ActionRow.id))).scalar() == 1


def test_undo_and_redo_without_limit(store: Store) -> None:
    for place in range(6):
        store.act("ann", "label", place, labels=["Apple"])
    store.act("ann", "label", 0, labels=["Pear"])
    store.act("ann", "flag", 0)
    for _ in range(8):
        store.undo("ann")
    assert store.states == {"unlabelled": 12}
    with pytest.raises(RequestError, match="nothing to undo"):
        store.undo("ann")
    for _ in range(8):
        store.redo("ann")
    with pytest.raises(RequestError, match="nothing to redo"):
        store.redo("ann")
    assert store.picture(0)["labels"] == ["Pear"] and store.picture(0)["flagged"]
    assert store.states == {"labelled": 6, "unlabelled": 6}
    store.undo("ann")
    store.undo("ann")
    store.act("ann", "label", 7, labels=["Plum"])
    with pytest.raises(RequestError, match="nothing to redo"):
        store.redo("ann")
    # Somebody else has nothing of it to undo.
    with pytest.raises(RequestError, match="nothing to undo"):
        store.undo("bob")


def test_undo_leaves_alone_what_others_changed_since(store: Store) -> None:
    store.act("ann", "label", 0, 1, labels=["Apple"])
    store.act("olga", "reject", 0)
    undone = store.undo("ann")
    assert undone.conflicts == (store.ids[0],)
    assert store.states == {"unlabelled": 12}


def test_undo_brings_no_removed_label_back(store: Store) -> None:
    store.act("ann", "label", 0, labels=["Plum"])
    store.act("ann", "label", 0, labels=["Pear"])
    with store.database.writing() as connection:
        remove_label(connection, store.project.id, "Plum")
    store.undo("ann")
    assert store.picture(0)["state"] == "unlabelled"


def test_a_label_in_use_is_not_removed(store: Store) -> None:
    store.act("ann", "label", 0, 1, labels=["Plum"])
    plum = store.label("Plum")
    with (
        store.database.writing() as connection,
        pytest.raises(UsageError, match="2 pictures have the label 'Plum'"),
    ):
        remove_label(connection, store.project.id, "Plum")
    store.act("ann", "clear", 0, 1)
    with store.database.writing() as connection:
        remove_label(connection, store.project.id, "Plum")
    with pytest.raises(UsageError, match="has no label 'Plum'"), store.database.writing() as c:
        remove_label(c, store.project.id, "Plum")
    project = store.project
    assert [label.name for label in project.labels] == ["Apple", "Pear"]
    # A window that still shows it.
    action, ann = Action("client-old", "label", [store.ids[0]], [plum]), store.person("ann")
    with (
        pytest.raises(RequestError, match="may have been removed"),
        store.database.writing() as connection,
    ):
        record_action(connection, project, ann, action)
    with store.database.writing() as connection:
        back = add_labels(connection, project.id, [LabelDocument(name="Plum")])
    assert back[-1].id == plum


def test_a_label_that_is_removed_while_somebody_gives_it(store: Store) -> None:
    project, ann, plum = store.project, store.person("ann"), store.label("Plum")
    # Between the request's look at the project and its transaction.
    with store.database.writing() as connection:
        remove_label(connection, project.id, "Plum")
    for kind, labels in (("label", [plum]), ("change", {store.ids[0]: [plum]})):
        action = Action("client-late", kind, store.ids[:1], labels)  # type: ignore[arg-type]
        with (
            pytest.raises(RequestError, match="may have been removed") as refused,
            store.database.writing() as connection,
        ):
            record_action(connection, project, ann, action)
        assert refused.value.status == 404
    assert store.states == {"unlabelled": 12}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"labels": ["Apple", "Pear"]}, 400),
        ({"labels": []}, 400),
        ({"labels": ["Apple"], "client_id": "short"}, 400),
        ({"labels": ["Apple"], "text": "x" * 20_000}, 400),
    ],
)
def test_what_does_not_fit_is_refused(store: Store, given: dict[str, object], status: int) -> None:
    with pytest.raises(RequestError) as refused:
        store.act("ann", "label", 0, **given)
    assert refused.value.status == status
    assert store.states == {"unlabelled": 12}


def test_several_labels_or_none(database: Database) -> None:
    store = Store(database, task="image_classification_multilabel", name="several")
    store.act("ann", "label", 0, labels=["Plum", "Apple"])
    store.act("ann", "label", 1)
    assert store.picture(0)["labels"] == ["Apple", "Plum"]
    assert store.picture(1)["state"] == "labelled" and store.picture(1)["labels"] == []


def test_a_project_that_is_paused(store: Store) -> None:
    with store.database.writing() as connection:
        change_project(connection, store.project, state="paused")
    with pytest.raises(RequestError, match="is paused"):
        store.act("ann", "label", 0, labels=["Apple"])
    store.act("ann", "comment", 0, text="still readable")
    assert store.next("ann", 3) == []


def test_names_are_used_once(store: Store) -> None:
    again = LabellingProjectDocument(name="fruit", data="/x")
    with pytest.raises(UsageError, match="names are used once"), store.database.writing() as c:
        create_project(c, again)


def test_files_that_go_and_change(database: Database, tmp_path: Path) -> None:
    store = Store(database, count=0, name="files")
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        path.write_bytes(b"x")
    with database.writing() as connection:
        add_pictures(connection, store.project, [(str(path), path.name) for path in paths])

    def looked() -> dict[str, int]:
        with database.writing() as connection:
            return note_files(connection, look_at_files(connection, store.project))

    # Before him when it went: not handed out again.
    assert store.next("bob", 1) == [0]
    paths[0].unlink()
    paths[1].write_bytes(b"longer")
    assert looked() == {"missing": 1, "changed": 1}
    assert store.next("bob", 1) == [1]
    bob = store.person("bob")
    with database.writing() as connection:
        give_back(connection, store.project, bob)
    assert [store.picture(place)["fault"] for place in range(3)] == ["missing", "changed", None]
    # What is gone is nobody's task; its labels would stay.
    assert store.next("ann", 9) == [1, 2]
    paths[0].write_bytes(b"x")
    os.utime(paths[0], ns=(0, 0))
    looked()
    assert looked() == {"missing": 0, "changed": 0}


def test_a_full_disk_loses_nothing_and_says_so(store: Store) -> None:
    store.act("ann", "label", 0, labels=["Apple"])
    with store.database.writing() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(OutputError, match="full"):
        for number in range(200):
            store.act("ann", "comment", 0, text=str(number) * 3000)
    with store.database.reading() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert store.picture(0)["labels"] == ["Apple"]


KILLED = """
import sys
sys.path[:0] = {path}
from labelling_store import Store
from tintype.labelling import changes
from tintype.labelling.database import open_database

store = Store.__new__(Store)
store.database, store.name = open_database(), "fruit"
write = changes._write_pictures

def wait(*given):
    # The log and the answers are written, the pictures are not.
    print("half", flush=True)
    import time
    time.sleep(60)

changes._write_pictures = wait
store.act("ann", "label", *range(12), labels=["Apple"], how="bulk", client_id="bulk-of-all")
"""


def test_a_kill_in_the_midst_of_labelling_all(store: Store, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(path=repr(sys.path)))
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert store.states == {"unlabelled": 12}
    with store.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(ChangeRow)).scalar() == 0
    # Whoever asked for it asks again.
    store.act("ann", "label", *range(12), labels=["Apple"], how="bulk", client_id="bulk-of-all")
    assert store.states == {"labelled": 12}
    with store.database.reading() as connection:
        given = select(func.count()).select_from(PictureLabelRow)
        assert connection.execute(given).scalar() == 12


def test_pages_of_many_pictures_are_quick(database: Database) -> None:
    """Of 50,000 here; a page is one range of an index, whose cost does not grow with the rows."""
    store = Store(database, count=50_000, name="many")
    project = store.project
    with database.reading() as connection:
        last = connection.execute(select(func.max(PictureRow.id))).scalar()
        assert last is not None
        started = time.thread_time()
        for chosen in (
            PictureFilter(),
            PictureFilter(states=("unlabelled",)),
            PictureFilter(states=("unlabelled", "labelled", "completed")),
            PictureFilter(hows=("bulk", "chosen")),
            PictureFilter(label=project.labels[0].id),
            PictureFilter(flagged=True),
            PictureFilter(fault=True),
        ):
            page_of(connection, project, chosen, after=last - 100, limit=100)
        assert time.thread_time() - started < 0.2
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM pictures WHERE project_id = 1 AND "
                "state = 'unlabelled' AND id > 5 ORDER BY id LIMIT 10"
            )
        ).all()
        assert "pictures_by_state" in str(plan) and "TEMP B-TREE" not in str(plan)
