"""Actions about many pictures: done in parts, one in the log, undone at once, finished after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from labelling_store import Store
from sqlalchemy import func, select

from tintype.errors import RequestError
from tintype.labelling import doing
from tintype.labelling.action_parts import PART
from tintype.labelling.database import Database
from tintype.labelling.doing import finish_actions
from tintype.labelling.tables import ActionPartRow, ActionRow

COUNT = 2 * PART + 100


@pytest.fixture
def many(database: Database) -> Store:
    return Store(database, count=COUNT, name="many")


def logged(store: Store) -> int:
    with store.database.reading() as connection:
        return connection.execute(select(func.count(ActionRow.id))).scalar_one()


def test_others_act_between_the_parts(many: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    last, parts, do_part = COUNT - 1, [], doing.do_next_part
    bob = threading.Thread(target=lambda: many.act("bob", "label", last, labels=["Pear"]))
    many.person("bob")

    def followed(*given: Any) -> Any:
        if not parts:
            bob.start()
            # Until he waits for his turn, which comes after this part.
            while not many.database._turn._waiting:  # type: ignore[attr-defined]
                time.sleep(0.01)
        parts.append(None)
        return do_part(*given)

    monkeypatch.setattr(doing, "do_next_part", followed)
    done = many.act("ann", "label", *range(COUNT), labels=["Apple"], how="bulk")
    bob.join()
    monkeypatch.undo()
    # What has changed since it was asked for is left as it is.
    assert len(done.pictures) == COUNT and done.conflicts == (many.ids[last],)
    assert many.states == {"labelled": COUNT} and many.picture(last)["labels"] == ["Pear"]
    assert logged(many) == 2
    assert len(many.undo("ann").pictures) == COUNT - 1
    assert many.states == {"labelled": 1, "unlabelled": COUNT - 1}
    many.redo("ann")
    assert many.states == {"labelled": COUNT} and logged(many) == 4


def test_it_is_refused_as_a_whole(many: Store) -> None:
    many.act("ann", "label", COUNT - 1, labels=["Pear"])
    seen = dict.fromkeys(many.ids, 0)
    with pytest.raises(RequestError, match="changed meanwhile"):
        many.act("bob", "label", *range(COUNT), labels=["Apple"], revisions=seen)
    with pytest.raises(RequestError, match="nothing to accept"):
        many.act("olga", "accept", *range(COUNT))
    assert many.states == {"labelled": 1, "unlabelled": COUNT - 1} and logged(many) == 1


KILLED = """
import sys
sys.path[:0] = {path}
from labelling_store import Store
from tintype.labelling import doing
from tintype.labelling.database import open_database

store = Store.__new__(Store)
store.database, store.name = open_database(), "many"
do_part, done = doing.do_next_part, []

def killed(*given):
    if done:
        print("half", flush=True)
        import time
        time.sleep(60)
    done.append(do_part(*given))
    return done[0]

doing.do_next_part = killed
{what}
"""
LABEL = 'store.act("ann", "label", *range({count}), labels=["Apple"], how="bulk", client_id="bulk-of-all")'


def kill_in_the_midst(store: Store, tmp_path: Path, what: str) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(path=repr(sys.path), what=what))
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("how", ["started again", "asked again", "undone"])
def test_killed_in_the_midst_it_is_finished(many: Store, tmp_path: Path, how: str) -> None:
    kill_in_the_midst(many, tmp_path, LABEL.format(count=COUNT))
    assert many.states == {"labelled": PART, "unlabelled": COUNT - PART}
    if how == "started again":
        finish_actions(many.database)
    elif how == "asked again":
        again = many.act(
            "ann", "label", *range(COUNT), labels=["Apple"], how="bulk", client_id="bulk-of-all"
        )
        assert again.repeated and {one.state for one in again.pictures} == {"labelled"}
        assert len(again.pictures) == COUNT
    if how != "undone":
        assert many.states == {"labelled": COUNT} and logged(many) == 1
    # One undo takes all of it back, also what was not done yet when it was asked for.
    many.undo("ann")
    assert many.states == {"unlabelled": COUNT} and logged(many) == 2
    with many.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(ActionPartRow)).scalar() == 0


def test_an_undo_is_finished_too(many: Store, tmp_path: Path) -> None:
    many.act("ann", "label", *range(COUNT), labels=["Apple"], how="bulk")
    kill_in_the_midst(many, tmp_path, 'store.undo("ann")')
    assert many.states == {"labelled": COUNT - PART, "unlabelled": PART}
    finish_actions(many.database)
    assert many.states == {"unlabelled": COUNT}
    many.redo("ann")
    assert many.states == {"labelled": COUNT}
