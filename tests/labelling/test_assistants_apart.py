"""Assistants in a process of their own: what they tell, how they end, and that they are started again."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pictures import write_class_folders
from sqlalchemy import select

from tintype.errors import RequestError
from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.assistants_apart import AssistantsApart
from tintype.labelling.assistance.messages import Message, read_message, write_message
from tintype.labelling.assistance.proposed import ProposedLabels
from tintype.labelling.database import Database
from tintype.labelling.making import make_project
from tintype.labelling.people import person_named
from tintype.labelling.projects import Project
from tintype.labelling.tables import PictureRow
from tintype.schemas.labelling_project import LabellingProjectDocument


@pytest.fixture
def project(database: Database, tmp_path: Path, vit_checkpoint: Path) -> Project:
    """24 pictures of two classes."""
    folder = write_class_folders(tmp_path / "photos", per_class=12)
    document = LabellingProjectDocument(
        name="real",
        data=str(folder),
        labels=[{"name": "bars"}, {"name": "level"}],
        model=str(vit_checkpoint),
    )
    return make_project(database, document)


@pytest.fixture
def apart(database: Database) -> Iterator[AssistantsApart]:
    made = AssistantsApart(database)
    yield made
    made.close()


def wait_for(there: Callable[[], object]) -> None:
    for _ in range(6000):
        if there():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come within five minutes")


def test_they_work_apart_and_come_back(
    database: Database, project: Project, apart: AssistantsApart
) -> None:
    assistant = apart.of("real")
    assert assistant.order("auto") == () and assistant.suggestions([1]) == {}
    wait_for(lambda: apart.of("real").status()["features"] == 24)
    with database.reading() as connection:
        rows = connection.execute(select(PictureRow.id, PictureRow.name, PictureRow.digest)).all()
    # What the process found in the files is written by this one.
    wait_for(lambda: _digests(database) == 24)
    ids = [row.id for row in rows]
    assert set(assistant.order("auto")) == set(ids) == set(assistant.order("coreset"))
    assert assistant.groups() and len(assistant.similar(ids[0], 5)) == 5
    with pytest.raises(RequestError, match="no features"):
        assistant.similar(999_999, 5)
    labels = {label.name: label.id for label in project.labels}
    with database.writing() as connection:
        person = person_named(connection, "ann")
        for row in rows[:5] + rows[-9:]:
            chosen = [labels["level" if "level" in row.name else "bars"]]
            action = Action(f"client-{row.id}", "label", [row.id], chosen)
            record_action(connection, project, person, action)
    apart.wake()
    wait_for(lambda: assistant.status()["suggestions_from"] == "labels")
    suggestions = assistant.suggestions(ids)
    # Of labelled ones, too, which have to be asked for.
    assert set(suggestions) == set(ids)
    free = [one.picture for one in assistant.confident(None, 0.0, 100)]
    assert sorted(free) == ids[5:-9]
    assert assistant.likely_errors(5) == []
    # Killed, it tells, and another one is started for the next who asks.
    first = apart._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: apart._process is None)
    apart._ended_at = 0.0
    wait_for(lambda: apart.of("real") and apart._process is not None)
    assert apart._process is not first
    # It is ended in the midst of its work without anybody waiting for it.
    begun = time.monotonic()
    apart.close()
    assert time.monotonic() - begun < 1


def test_nobody_waits_for_one_that_is_killed(project: Project, apart: AssistantsApart) -> None:
    assistant = apart.of("real")
    process = apart._process
    assert process is not None and process.stdin is not None
    killer = threading.Timer(0.2, process.kill)
    killer.start()
    with pytest.raises(RequestError, match="ended with -9") as refused:
        assistant.groups()
    assert refused.value.status == 503


def test_it_ends_with_the_server(project: Project, apart: AssistantsApart) -> None:
    apart.of("real")
    process = apart._process
    assert process is not None and process.stdin is not None
    # As when the server is killed: nobody is left to write to it.
    process.stdin.close()
    assert process.wait(timeout=60) == 0


def test_messages_come_as_they_were_sent() -> None:
    stream = io.BytesIO()
    arrays = {
        "rows": np.arange(6, dtype=np.float32).reshape(2, 3),
        "none": np.zeros((0, 4), bool),
    }
    write_message(stream, Message({"what": "news", "fault": None}, arrays))
    write_message(stream, Message({"what": "wake"}))
    whole = stream.getvalue()
    stream.seek(0)
    first = read_message(stream)
    assert first is not None and first.words == {"what": "news", "fault": None}
    assert all(np.array_equal(first.arrays[name], array) for name, array in arrays.items())
    assert first.arrays["none"].shape == (0, 4)
    assert read_message(stream) == Message({"what": "wake"}) and read_message(stream) is None
    assert read_message(io.BytesIO(whole[:60])) is None


@pytest.mark.parametrize("multilabel", [False, True])
def test_proposed_labels(multilabel: bool) -> None:
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    proposed = ProposedLabels.of([30, 10, 20], rows, (7, 5), "labels", multilabel=multilabel)
    found = proposed.of_pictures([20, 10, 99])
    assert {number: one.labels for number, one in found.items()} == {20: (7,), 10: (5,)}
    assert found[10].confidence == pytest.approx(0.64 if multilabel else 0.8)
    assert [one.picture for one in proposed.surest(7, 0.0, 9)] == [30, 20]
    assert [one.picture for one in proposed.surest(None, 0.64, 1)] == [30]
    both = ProposedLabels.of([1, 2], rows[:2] * 0 + 0.7, (7, 5), "labels", multilabel=True)
    assert both.of_pictures([1])[1].labels == (5, 7) and both.surest(5, 0.0, 9) == []


def _digests(database: Database) -> int:
    with database.reading() as connection:
        return len(list(connection.execute(select(PictureRow.id).where(PictureRow.digest != ""))))
