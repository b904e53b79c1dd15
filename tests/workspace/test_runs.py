from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tintype.errors import OutputError, UsageError
from tintype.files import locked_folder
from tintype.workspace.runs import RunRecord, RunStore

DOCUMENT = {"type": "finetuning", "experiment_name": "e", "tags": {"a": "b"}}


def test_names_are_made_up_and_unique(workspace_home: Path) -> None:
    store = RunStore()
    first, second = store.create(DOCUMENT), store.create(DOCUMENT)
    assert first.name != second.name
    assert [run.name for run in store.list()] == [second.name, first.name]
    named = store.create({**DOCUMENT, "name": "mine"})
    assert store.document("mine")["name"] == "mine"
    assert json.loads((workspace_home / "runs/mine/run.json").read_text())["status"] == "NotStarted"
    with pytest.raises(UsageError, match="exists"):
        store.create({**DOCUMENT, "name": "mine"})
    assert named.shown()["creation_context"]["created_at"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "x" * 300])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="job name"):
        RunStore().path(name)


def test_what_is_not_there() -> None:
    RunStore().create({**DOCUMENT, "name": "training-one"})
    with pytest.raises(UsageError, match="Did you mean 'training-one'"):
        RunStore().get("training-on")


def test_a_run_lives_as_long_as_its_lock_is_held() -> None:
    store = RunStore()
    store.create({**DOCUMENT, "name": "run"})
    store.update("run", status="Running", pid=None)
    with locked_folder(store.path("run")):
        assert store.get("run").status == "Running"
    dead = store.get("run")
    assert dead.status == "Failed"
    assert "resume" in (dead.error or "")
    # Looking does not change what is written: a resumed worker takes over from there.
    assert json.loads((store.path("run") / "run.json").read_text())["status"] == "Running"


def test_asking_whether_a_run_is_alive_keeps_no_worker_out() -> None:
    """Seen in a benchmark: a job failed because it was looked at while it began."""
    store = RunStore()
    store.create({**DOCUMENT, "name": "run"})
    store.update("run", status="Running", pid=None)
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            store.get("run")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(100):
            with locked_folder(store.path("run")):
                pass
    finally:
        done.set()
        thread.join()


def test_a_run_just_started_counts_as_alive() -> None:
    import os

    store = RunStore()
    store.create({**DOCUMENT, "name": "run"})
    store.update("run", status="Starting", pid=os.getpid())
    assert store.get("run").status == "Starting"
    store.update("run", pid=2**22 - 1)
    assert store.get("run").status == "Failed"


def test_archived_runs_are_hidden() -> None:
    store = RunStore()
    store.create({**DOCUMENT, "name": "run"})
    store.update("run", archived=True)
    assert store.list() == []
    assert [run.name for run in store.list(include_archived=True)] == ["run"]


def test_damaged_records_hide_nothing_else(workspace_home: Path) -> None:
    store = RunStore()
    store.create({**DOCUMENT, "name": "good"})
    store.create({**DOCUMENT, "name": "bad"})
    (workspace_home / "runs/bad/run.json").write_text("{")
    assert [run.name for run in store.list()] == ["good"]


def test_a_full_disk_leaves_no_run(workspace_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tintype.workspace import runs

    def full(*_: object) -> None:
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr(runs, "write_json", full)
    with pytest.raises(OutputError):
        RunStore().create({**DOCUMENT, "name": "run"})
    assert list((workspace_home / "runs").iterdir()) == []


def test_one_that_ends_while_it_is_looked_at_has_not_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen in a pipeline: it was told as lost between its last line and its record."""
    store = RunStore()
    store.create({**DOCUMENT, "name": "run"})
    store.update("run", status="Running", pid=None)

    def ends(record: RunRecord) -> bool:
        store.update("run", status="Completed")
        return False

    monkeypatch.setattr(store, "is_alive", ends)
    assert store.get("run").status == "Completed"
