"""The index of runs: what it finds, in which order, and what it notices."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from studio_runs import make_run

from tintype.errors import UsageError
from tintype.workspace.run_index import RunIndex, RunQuery, Sort


def names(index: RunIndex, query: RunQuery, offset: int = 0, limit: int = 100) -> list[str]:
    return [run.name for run in index.page(query, offset, limit).runs]


class News:
    """What an index noticed since it was asked last."""

    def __init__(self, index: RunIndex) -> None:
        self.index, self.revision = index, 0

    def __call__(self) -> tuple[set[str], set[str]]:
        revision = self.index.refresh()
        changes = self.index.changes_since(self.revision)
        self.revision = revision
        return set(changes.changed), set(changes.removed)


def test_it_notices_what_comes_changes_and_goes(workspace_home: Path) -> None:
    index = RunIndex()
    news, others = News(index), News(index)
    assert news() == (set(), set())
    run = make_run(workspace_home, "first", status="NotStarted")
    assert news() == ({"first"}, set())
    assert news() == (set(), set())
    run.update(status="Completed")
    assert index.get("first").status == "Completed"
    # Whoever noticed it: everybody is told once.
    assert news() == others() == ({"first"}, set())
    shutil.rmtree(run.folder)
    assert news() == (set(), {"first"})
    with pytest.raises(UsageError, match="no job named 'first'"):
        index.get("first")
    make_run(workspace_home, "first")
    assert news() == ({"first"}, set()) and others() == ({"first"}, set())


def test_a_folder_without_a_record_waits_for_it(workspace_home: Path) -> None:
    news = News(RunIndex())
    folder = workspace_home / "runs" / "late"
    folder.mkdir(parents=True)
    assert news() == (set(), set())
    made = make_run(workspace_home, "other")
    (folder / "run.json").write_text(
        (made.folder / "run.json").read_text().replace("other", "late")
    )
    assert news() == ({"late", "other"}, set())


def test_a_run_whose_worker_died_is_failed_and_told_once(workspace_home: Path) -> None:
    make_run(workspace_home, "dead", status="Running", ended_at=None, pid=2**22 - 1)
    index = RunIndex()
    news = News(index)
    assert news() == ({"dead"}, set())
    record = index.get("dead")
    assert record.status == "Failed" and "killed or lost" in (record.error or "")
    assert news() == (set(), set())


def test_half_a_record_is_no_run_and_harms_no_other(workspace_home: Path) -> None:
    make_run(workspace_home, "good")
    bad = make_run(workspace_home, "bad")
    (bad.folder / "run.json").write_text('{"name": ')
    os.symlink("/etc", workspace_home / "runs" / "link")
    index = RunIndex()
    index.refresh()
    assert names(index, RunQuery()) == ["good"]


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("created", True, ["c", "b", "a"]),
        ("name", False, ["b", "c", "a"]),
        ("score", True, ["a", "c", "b"]),
        ("score", False, ["c", "a", "b"]),
        ("status", False, ["c", "b", "a"]),
        ("type", False, ["b", "c", "a"]),
    ],
)
def test_orders(workspace_home: Path, sort: Sort, descending: bool, expected: list[str]) -> None:
    make_run(
        workspace_home, "a", display_name="zebra", metrics={"accuracy": 0.9}, type="finetuning"
    )
    make_run(workspace_home, "b", display_name="Apple", metrics={}, type="automl")
    make_run(
        workspace_home,
        "c",
        display_name="mango",
        metrics={"loss": 0.1},
        status="Canceled",
        type="batch",
    )
    index = RunIndex()
    index.refresh()
    assert names(index, RunQuery(sort=sort, descending=descending)) == expected


def test_queries_pages_and_counts(workspace_home: Path) -> None:
    for number in range(7):
        status = "Failed" if number % 3 == 0 else "Completed"
        make_run(workspace_home, f"run-{number}", status=status, tags={"owner": f"ada{number}"})
    make_run(workspace_home, "other", experiment_name="cats")
    make_run(workspace_home, "hidden", archived=True)
    make_run(workspace_home, "child", parent="run-1")
    index = RunIndex()
    index.refresh()
    page = index.page(RunQuery(statuses=("Failed",), experiments=("photos",)), 1, 2)
    assert [run.name for run in page.runs] == ["run-3", "run-0"]
    assert page.total == 3 and page.statuses == {"Failed": 3, "Completed": 4}
    assert page.experiments == ["cats", "photos"]
    assert names(index, RunQuery(search="PHOTOS owner=ada4")) == ["run-4"]
    assert names(index, RunQuery(search="hidden")) == []
    assert names(index, RunQuery(search="hidden", include_archived=True)) == ["hidden"]
    assert names(index, RunQuery(parent="run-1")) == ["child"]
