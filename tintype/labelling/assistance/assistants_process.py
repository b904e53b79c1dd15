"""The process in which a server's assistants work, so that people never wait for their computing.

It reads the store and writes nothing into it: what it finds of files it tells the server. Questions come on
its standard input, answers and news go to its standard output; it ends when its input does, so also when
the server was killed. `AssistantsApart` is the other end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import IO, Any

import numpy as np

from tintype.errors import RequestError
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.background import Assistants
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.assistance.messages import Message, read_message, write_message
from tintype.labelling.database import Database, open_database
from tintype.labelling.projects import Project
from tintype.settings import get_settings

__all__: list[str] = []

# Added to the niceness of the server.
_NICE = 10

# Questions that are worked on at once.
_THREADS = 4


class _Answering:
    """Assistants, and the pipes to the server."""

    def __init__(self, database: Database, output: IO[bytes]) -> None:
        self._output, self._lock = output, threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, "questions")
        self._assistants = Assistants(database, self._features_of, self._tell_news)

    def hear(self, words: Mapping[str, Any]) -> None:
        """Do what a message of the server asks."""
        what = words["what"]
        if what == "open":
            self._pool.submit(self._assistants.of, words["project"])
        elif what == "wake":
            self._assistants.wake()
        elif what == "pictures":
            self._assistants.look_for_pictures()
        else:
            self._pool.submit(self._answer, words)

    def _answer(self, words: Mapping[str, Any]) -> None:
        answer: dict[str, Any] = {"what": "answer", "number": words["number"]}
        try:
            answer["found"] = self._found(words["project"], words["ask"], words["given"])
        except RequestError as error:
            answer |= {"error": str(error), "status": error.status}
        except Exception as error:
            answer |= {"error": f"{type(error).__name__}: {error}", "status": 503}
        self._tell(Message(answer))

    def _found(self, project: str, ask: str, given: list[Any]) -> list[Any]:
        assistant = self._assistants.of(project)
        if assistant is None:
            fault = self._assistants.fault(project)
            raise RequestError(f"the project has no assistant: {fault}", status=409)
        if ask == "order":
            return assistant.order(*given)
        if ask == "similar":
            return assistant.similar(*given)
        if ask == "suggestions":
            return [asdict(one) for one in assistant.suggestions(*given).values()]
        if ask == "groups":
            return [asdict(one) for one in assistant.groups()]
        return [asdict(one) for one in assistant.likely_errors(*given)]

    def _tell_news(self, name: str, assistant: Assistant | None, fault: str | None) -> None:
        news: dict[str, Any] = {"what": "news", "project": name, "fault": fault}
        arrays: dict[str, np.ndarray] = {}
        if assistant is not None:
            news |= {"status": assistant.status()}
            arrays["queue"] = np.array(assistant.order("auto"), dtype=np.int64)
            proposed = assistant.proposed()
            if proposed is not None:
                news |= {"classes": proposed.classes, "source": proposed.source}
                arrays["pictures"] = proposed.pictures
                arrays["chosen"] = proposed.chosen
                arrays["confidence"] = proposed.confidence
        self._tell(Message(news, arrays))

    def _features_of(self, database: Database, project: Project) -> PictureFeatures:
        return PictureFeatures(database, project, partial(self._tell_contents, project.name))

    def _tell_contents(
        self, project: str, digests: Mapping[int, str], unreadable: Collection[int]
    ) -> None:
        contents = {"digests": list(digests.items()), "unreadable": list(unreadable)}
        self._tell(Message({"what": "contents", "project": project, **contents}))

    def _tell(self, message: Message) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            write_message(self._output, message)


def _main() -> None:
    import torch

    # Ctrl-C is for the server, with which this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only now: beside busy processes its libraries would take minutes to load.
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    torch.set_num_threads(max(1, get_settings().cpu_threads // 2))
    # What a library prints, be it in Python or not, is no message.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answering = _Answering(open_database(), output)
    while (message := read_message(sys.stdin.buffer)) is not None:
        answering.hear(message.words)
    # Threads are at work that nobody waits for any more; what they have kept is whole.
    os._exit(0)


if __name__ == "__main__":
    _main()
