"""`learn` in a process of its own, which gives way to those that answer people.

Fitting holds the interpreter for seconds in all; threads that answer requests would wait for it at each
statement. The process reads lessons from its standard input and writes what it learnt to its standard
output, arrays in NumPy's npz format behind their length; it ends when its input does, so also when the
server was killed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from tintype.labelling.assistance.accuracy import RunningAccuracy
from tintype.labelling.assistance.learning import Learnt, Lesson, learn
from tintype.labelling.assistance.quick_head import QuickHead
from tintype.settings import get_settings

__all__ = ["LearningProcess"]

_LENGTH = 8

# Added to the niceness of the server.
_NICE = 10


class LearningProcess:
    """Called like `learn`; the process is started for the first lesson, and again where it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, lesson: Lesson) -> Learnt | None:
        """See `learn`.

        Raises:
            RuntimeError: the process failed, or was killed; the next call starts another one.
        """
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, **get_settings().environment()},
                )
            stdin, stdout = self._process.stdin, self._process.stdout
            assert stdin is not None and stdout is not None
            try:
                _write(stdin, _packed_lesson(lesson))
                answer = _read(stdout)
            except BrokenPipeError:
                answer = None
            if answer is None:
                code = self._ended()
                raise RuntimeError(f"the process that learns from labels ended with {code}")
        return _unpacked_learnt(answer, lesson)

    def close(self) -> None:
        """End the process, whatever it is at."""
        # Not under the lock: whoever waits for an answer holds it until there is no process to give one.
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            if self._process is not None:
                self._ended()

    def _ended(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return process.wait()


def _serve(lessons: IO[bytes], answers: IO[bytes]) -> None:
    while (packed := _read(lessons)) is not None:
        _write(answers, _packed_learnt(learn(_unpacked_lesson(packed))))


def _packed_lesson(lesson: Lesson) -> dict[str, Any]:
    return {
        "task": np.array(lesson.task),
        "classes": np.array(lesson.classes, np.int64),
        "rows": lesson.rows,
        "targets": lesson.targets,
        "judged": lesson.judged,
        "unlabelled": lesson.unlabelled,
    }


def _unpacked_lesson(packed: dict[str, np.ndarray]) -> Lesson:
    return Lesson(
        str(packed["task"]),  # type: ignore[arg-type]
        tuple(packed["classes"].tolist()),
        packed["rows"],
        packed["targets"],
        packed["judged"],
        packed["unlabelled"],
    )


def _packed_learnt(learnt: Learnt | None) -> dict[str, Any]:
    if learnt is None:
        return {}
    accuracy = None if learnt.accuracy is None else asdict(learnt.accuracy)
    return {
        "weight": learnt.head.weight,
        "bias": learnt.head.bias,
        "out_of_fold": learnt.head.out_of_fold,
        "accuracy": np.array(json.dumps(accuracy)),
    }


def _unpacked_learnt(packed: dict[str, np.ndarray], lesson: Lesson) -> Learnt | None:
    if not packed:
        return None
    head = QuickHead(
        packed["weight"],
        packed["bias"],
        lesson.classes,
        lesson.task,
        packed["out_of_fold"],
    )
    accuracy = json.loads(str(packed["accuracy"]))
    return Learnt(head, None if accuracy is None else RunningAccuracy(**accuracy))


def _write(stream: IO[bytes], arrays: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = buffer.getbuffer()
    stream.write(len(content).to_bytes(_LENGTH, "big"))
    stream.write(content)
    stream.flush()


def _read(stream: IO[bytes]) -> dict[str, np.ndarray] | None:
    """None at the end of the stream."""
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    if len(content) < length:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _main() -> None:
    import torch

    # Ctrl-C is for the server, with which this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    torch.set_num_threads(max(1, get_settings().cpu_threads // 2))
    answers = sys.stdout.buffer
    # What a library prints is no answer.
    sys.stdout = sys.stderr
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
