"""Running a sweep: trials are asked for, placed, listened to, ended early, and told about.

The study is the only record that decides: a trial it knows as finished is never run again, and one
it knows as running when the sweep starts is given out again and goes on from its checkpoint.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tintype.automl.study import Study, Trial
from tintype.automl.termination import should_stop
from tintype.errors import RunCancelled
from tintype.schemas.sweep import EarlyTermination
from tintype.tasks import Message, TaskPool

__all__ = ["Hopeless", "Propose", "Sweep"]

Hopeless = Callable[[int], bool]
"""Whether a running trial, by its number, is worth no more time."""

Propose = Callable[[], Trial | Literal["wait"] | None]
"""The next trial; "wait" until a running one has ended; None when there is nothing to try."""

# From asking trials to end until their workers are killed.
_CANCEL_SECONDS = 8.0
_FINISH_SECONDS = 120.0

# How often a trial whose worker died is started again, from its last checkpoint.
_RETRIES = 1

_POLL_SECONDS = 0.25


@dataclass
class _Running:
    trial: Trial
    started: float
    stopping: bool = False
    losses: int = 0


@dataclass
class Sweep:
    """See `run`."""

    study: Study
    pool: TaskPool
    limit: int
    """Trials in all."""
    deadline: Callable[[], float]
    """time.time() after which no trial is started and the running ones are asked to finish."""
    propose: Propose
    document: Callable[[Trial], dict[str, Any]]
    """What a worker is given to run a trial."""
    policy: EarlyTermination | None
    changed: Callable[[], None]
    """Called whenever something about a trial has changed."""
    cancelled: Callable[[], bool]
    log: Callable[[str], None]
    hopeless: Hopeless = lambda number: False
    """Whether a running trial is worth no more time, whatever the policy says."""
    _running: dict[str, _Running] = field(default_factory=dict)

    def run(self) -> None:
        """Run trials until the limit, the deadline or the end of the proposals.

        Raises:
            RunCancelled: `cancelled` said so; running trials have kept their checkpoints.
        """
        again = deque(trial for trial in self.study.trials() if trial.state == "running")
        for unfinished in again:
            self.log(f"trial {unfinished.number}: goes on from its last checkpoint")
        exhausted = False
        while True:
            if self.cancelled():
                self._cancel()
            late = time.time() >= self.deadline()
            while self.pool.free() > 0 and not late:
                trial = again.popleft() if again else None
                if trial is None and not exhausted and self.study.next_number() < self.limit:
                    proposed = self.propose()
                    if proposed == "wait":
                        break
                    trial, exhausted = proposed, proposed is None
                if trial is None:
                    break
                self._start(trial)
            if not self._running:
                break
            if late:
                self._finish_all()
            for message in self.pool.wait(_POLL_SECONDS):
                self._hear(message)
        for unfinished in again:
            # The time was over before it could go on.
            reached = max(unfinished.intervals, default=None)
            self.study.tell(unfinished.number, "stopped", reached)

    def _start(self, trial: Trial, losses: int = 0) -> None:
        document = self.document(trial)
        self._running[str(trial.number)] = _Running(trial, time.time(), losses=losses)
        self.pool.start(str(trial.number), document)
        self.changed()

    def _hear(self, message: Message) -> None:
        running = self._running.get(message.task)
        if running is None:
            return
        number = running.trial.number
        if message.kind == "message" and "note" in message.body:
            self.log(message.body["note"])
        elif message.kind == "message":
            self.study.report(number, message.body["interval"], message.body["value"])
            finished = frozenset(
                trial.number for trial in self.study.trials() if trial.state != "running"
            )
            stop = should_stop(self.policy, number, self.study.intervals(), finished=finished)
            if not running.stopping and (stop or self.hopeless(number)):
                running.stopping = True
                self.pool.stop(message.task, "terminate")
        elif message.kind == "done":
            del self._running[message.task]
            self._end(running, message.body)
        else:
            del self._running[message.task]
            self._lost(running, message.body["reason"])
        self.changed()

    def _end(self, running: _Running, result: dict[str, Any]) -> None:
        number, state = running.trial.number, result["state"]
        spent = running.trial.facts.get("seconds", 0.0) + result["seconds"]
        self.study.note(number, seconds=spent, epoch_seconds=result.get("epoch_seconds"))
        if state == "completed":
            self.study.tell(number, "completed", result["metric"])
            self.log(f"trial {number}: {result['metric']:.4f} in {spent:.0f} s")
        elif state == "stopped":
            reached = self.study.intervals().get(number, [])
            self.study.tell(number, "stopped", max(reached, default=None))
            self.log(f"trial {number}: stopped early at {max(reached, default=float('nan')):.4f}")
        elif state == "failed":
            self.study.note(number, error=result["error"])
            self.study.tell(number, "failed")
            self.log(f"trial {number}: failed: {result['error']}")
        # A canceled one stays as running, to be resumed.

    def _lost(self, running: _Running, reason: str) -> None:
        number = running.trial.number
        if running.losses < _RETRIES and time.time() < self.deadline():
            self.log(f"trial {number}: {reason}; goes on from its last checkpoint")
            self._start(running.trial, running.losses + 1)
            return
        self.study.note(number, error=reason)
        self.study.tell(number, "failed")
        self.log(f"trial {number}: failed: {reason}")

    def _finish_all(self) -> None:
        for task, running in self._running.items():
            if not running.stopping:
                running.stopping = True
                self.log(f"trial {task}: the time is over; it ends with its best so far")
                self.pool.stop(task, "finish")
            elif time.time() > self.deadline() + _FINISH_SECONDS:
                running.losses = _RETRIES
                self.pool.kill(task)

    def _cancel(self) -> None:
        for task in self._running:
            self.pool.stop(task, "cancel")
        end = time.monotonic() + _CANCEL_SECONDS
        while self._running and time.monotonic() < end:
            for message in self.pool.wait(_POLL_SECONDS):
                if message.kind == "done":
                    self._hear(message)
                elif message.kind == "lost":
                    self._running.pop(message.task, None)
        self.changed()
        raise RunCancelled(f"cancelled after {len(self._finished())} trials")

    def _finished(self) -> list[Trial]:
        return [trial for trial in self.study.trials() if trial.state != "running"]
