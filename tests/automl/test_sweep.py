"""The sweep's loop, with a pool that does as the test says."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from tintype.automl.study import Study, Trial
from tintype.automl.sweep import Sweep
from tintype.errors import RunCancelled
from tintype.schemas.sweep import BanditPolicy, EarlyTermination
from tintype.tasks import Message, Stop


class FakePool:
    """Hands out what `script` holds for each task; a stopped task ends as it was asked to."""

    def __init__(self, script: dict[str, list[list[Message]]], size: int = 1) -> None:
        self.script = script
        self.size = size
        self.waiting: deque[Message] = deque()
        self.started: list[str] = []
        self.stopped: list[tuple[str, Stop]] = []
        self.open: set[str] = set()

    def free(self) -> int:
        return self.size - len(self.open)

    def start(self, task: str, document: dict[str, Any]) -> None:
        self.started.append(task)
        self.open.add(task)
        self.waiting.extend(self.script[task].pop(0))

    def wait(self, seconds: float) -> list[Message]:
        if not self.waiting:
            time.sleep(0.01)
            return []
        message = self.waiting.popleft()
        if message.kind != "message":
            self.open.discard(message.task)
        return [message]

    def stop(self, task: str, how: Stop) -> None:
        self.stopped.append((task, how))
        self.waiting = deque(message for message in self.waiting if message.task != task)
        state = {"finish": "completed", "cancel": "canceled", "terminate": "stopped"}[how]
        self.waiting.append(Message(task, "done", {"state": state, "metric": 0.5, "seconds": 1.0}))

    def kill(self, task: str) -> None:
        self.waiting.append(Message(task, "lost", {"reason": "killed"}))

    def close(self) -> None:
        self.open.clear()


def says(task: str, *values: float) -> list[Message]:
    return [
        Message(task, "message", {"interval": number, "value": value})
        for number, value in enumerate(values, 1)
    ]


def ends(task: str, metric: float) -> Message:
    return Message(task, "done", {"state": "completed", "metric": metric, "seconds": 2.0})


def sweep(
    folder: Path,
    pool: FakePool,
    *,
    limit: int = 3,
    seconds: float = 60,
    policy: EarlyTermination | None = None,
    cancelled: Any = lambda: False,
) -> tuple[Study, Sweep]:
    study = Study(folder / "study.db")
    end = time.time() + seconds
    return study, Sweep(
        study=study,
        pool=pool,
        limit=limit,
        deadline=lambda: end,
        propose=lambda: study.ask_at({"learning_rate": 0.1}),
        document=lambda trial: {"run": trial.number},
        policy=policy,
        changed=lambda: None,
        cancelled=cancelled,
        log=lambda line: None,
    )


def states(study: Study) -> list[tuple[str, float | None]]:
    return [(trial.state, trial.metric) for trial in study.trials()]


def test_a_crash_is_retried_once_and_the_sweep_goes_on(tmp_path: Path) -> None:
    lost = Message("1", "lost", {"reason": "its process was ended by SIGKILL"})
    failed = Message("2", "done", {"state": "failed", "error": "memory ran out", "seconds": 1.0})
    pool = FakePool(
        {
            "0": [[Message("0", "lost", {"reason": "x"})], [ends("0", 0.9)]],
            "1": [[lost], [lost]],
            "2": [[failed]],
        }
    )
    study, running = sweep(tmp_path, pool)
    running.run()
    assert pool.started == ["0", "0", "1", "1", "2"]
    assert states(study) == [("completed", 0.9), ("failed", None), ("failed", None)]
    assert "SIGKILL" in study.trials()[1].facts["error"]
    assert study.trials()[2].facts["error"] == "memory ran out"


def test_a_hopeless_trial_is_terminated(tmp_path: Path) -> None:
    pool = FakePool(
        {
            "0": [[*says("0", 0.7, 0.8, 0.9), ends("0", 0.9)]],
            "1": [[*says("1", 0.2, 0.3, 0.95), ends("1", 0.95)]],
        }
    )
    policy = BanditPolicy(slack_factor=0.2, delay_evaluation=2)
    study, running = sweep(tmp_path, pool, limit=2, policy=policy)
    running.run()
    assert pool.stopped == [("1", "terminate")]
    assert states(study) == [("completed", 0.9), ("stopped", 0.3)]


def test_a_resumed_sweep_repeats_nothing_finished(tmp_path: Path) -> None:
    study = Study(tmp_path / "study.db")
    for _ in range(2):
        study.ask_at({})
    study.tell(0, "completed", 0.4)
    study.report(1, 1, 0.3)
    pool = FakePool({"1": [[ends("1", 0.6)]], "2": [[ends("2", 0.5)]]})
    study, running = sweep(tmp_path, pool)
    running.run()
    assert pool.started == ["1", "2"]
    assert states(study) == [("completed", 0.4), ("completed", 0.6), ("completed", 0.5)]


def test_at_the_deadline_running_trials_finish_with_their_best(tmp_path: Path) -> None:
    pool = FakePool({"0": [says("0", 0.5)]})
    study, running = sweep(tmp_path, pool, seconds=0.2)
    running.run()
    assert pool.stopped == [("0", "finish")]
    assert states(study) == [("completed", 0.5)]


def test_cancelling_keeps_running_trials_to_be_resumed(tmp_path: Path) -> None:
    pool = FakePool({"0": [[ends("0", 0.5)]], "1": [says("1", 0.2)]})
    study, running = sweep(tmp_path, pool, cancelled=lambda: len(pool.started) == 2)
    with pytest.raises(RunCancelled, match="after 1 trials"):
        running.run()
    assert pool.stopped == [("1", "cancel")]
    assert [state for state, _ in states(study)] == ["completed", "running"]


def test_waiting_for_a_result_ends_no_sweep(tmp_path: Path) -> None:
    pool = FakePool({"0": [[ends("0", 0.5)]], "1": [[ends("1", 0.6)]]}, size=2)
    study, running = sweep(tmp_path, pool, limit=5)

    def propose() -> Trial | str | None:
        trials = study.trials()
        if any(trial.state == "running" for trial in trials):
            return "wait"
        return study.ask_at({}) if len(trials) < 2 else None

    running.propose = propose  # type: ignore[assignment]
    running.run()
    assert states(study) == [("completed", 0.5), ("completed", 0.6)]
