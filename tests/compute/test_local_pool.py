"""Worker processes: tasks, messages, stopping, and what happens when one dies."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tintype.compute.local_pool import LocalPool
from tintype.tasks import Message, TaskContext


def work(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """What the workers of these tests do."""
    context.send(
        {
            "pid": os.getpid(),
            "threads": os.environ["TINTYPE_THREADS"],
            "wave": "wave" in sys.modules,
        }
    )
    print("noise on standard output")
    while document.get("wait") and context.stop() is None:
        time.sleep(0.01)
    if document.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"doubled": document.get("number", 0) * 2, "stop": context.stop()}


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPool]:
    tests = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("TINTYPE_THREADS", "5")
    pool = LocalPool("test_local_pool:work", 2, preload=["wave"])
    yield pool
    pool.close()


def heard(pool: LocalPool, count: int, seconds: float = 30) -> list[Message]:
    found: list[Message] = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        found += pool.wait(0.1)
    return found


def test_results_and_messages_come_back_and_workers_stay(pool: LocalPool) -> None:
    pids = []
    for number in range(3):
        pool.start(f"t{number}", {"number": number})
        message, done = heard(pool, 2)
        assert (message.kind, done.kind) == ("message", "done")
        assert done.task == f"t{number}"
        assert done.body == {"doubled": 2 * number, "stop": None}
        assert message.body["wave"], "imported before the first task"
        assert message.body["threads"] == "2", "five threads are shared by two places"
        pids.append(message.body["pid"])
    assert len(set(pids)) == 1


def test_two_at_a_time(pool: LocalPool) -> None:
    pool.start("a", {"wait": True})
    pool.start("b", {"wait": True})
    assert pool.free() == 0
    first, second = heard(pool, 2)
    assert first.body["pid"] != second.body["pid"]
    pool.stop("b", "finish")
    (done,) = heard(pool, 1)
    assert (done.task, done.body["stop"]) == ("b", "finish")
    assert pool.free() == 1
    pool.start("c", {})
    _, done = heard(pool, 2)
    assert (done.task, done.body["stop"]) == ("c", None), "what was asked of b is not asked of c"


def test_a_dead_worker_takes_its_own_task_only(pool: LocalPool) -> None:
    pool.start("healthy", {"wait": True})
    heard(pool, 1)
    pool.start("dies", {"die": True})
    _, lost = heard(pool, 2)
    assert (lost.task, lost.kind) == ("dies", "lost")
    assert "SIGKILL" in lost.body["reason"]
    assert pool.free() == 1
    pool.start("next", {"number": 4})
    assert heard(pool, 2)[1].body["doubled"] == 8
    pool.kill("healthy")
    (lost,) = heard(pool, 1)
    assert (lost.task, lost.kind) == ("healthy", "lost")
    assert pool.free() == 2


def test_workers_end_with_their_owner(pool: LocalPool) -> None:
    pool.start("a", {"wait": True})
    (message,) = heard(pool, 1)
    worker = pool._workers[0]
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(10) == 1
    assert message.body["pid"] == worker.process.pid
