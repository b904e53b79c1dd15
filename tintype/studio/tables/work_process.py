"""`python -m tintype.studio.tables.work_process`: one piece of work on a table, beside the server and behind it.

The order comes as JSON on the standard input, which stays open for as long as the server lives: the process ends with
it. How far it is stands in the table's folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tintype.errors import TintypeError
from tintype.studio.tables.kept import Progress, Stage, forget_older, tell
from tintype.studio.tables.references import TableSource

__all__ = ["order"]

# Pages are told at most so often.
_TELL_SECONDS = 0.5

_NICE = 10

# Fields of a table's source that are paths.
_PATHS = ("path", "predictions", "within")


def order(stage: Stage, source: TableSource, folder: Path, model: str = "") -> bytes:
    """What the process is to be told."""
    given = asdict(source)
    paths = {key: None if given[key] is None else str(given[key]) for key in _PATHS}
    content = {
        "stage": stage,
        "source": {**given, **paths},
        "folder": str(folder),
        "model": model,
    }
    return json.dumps(content).encode() + b"\n"


def _main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    # What a library prints is for nobody.
    sys.stdout = sys.stderr
    stage: Stage = given["stage"]
    folder = Path(given["folder"])
    told = _Telling(folder, stage)
    try:
        _done(stage, given, folder, told)
    except TintypeError as error:
        tell(folder, stage, Progress("failed", error=str(error)))
    else:
        tell(folder, stage, Progress("done", told.total, told.total))


def _done(stage: Stage, given: dict[str, Any], folder: Path, told: _Telling) -> None:
    if stage == "reading":
        from tintype.studio.tables.reading import read_table

        source: dict[str, Any] = given["source"]
        source |= {key: Path(source[key]) for key in _PATHS if source[key]}
        read_table(TableSource(**source), folder, told.counted("reading"))
        forget_older(folder)
        return
    from tintype.studio.tables.picture_table import PictureTable

    table = PictureTable(folder)
    if stage == "inspection":
        from tintype.studio.tables.inspection import inspect_table

        inspect_table(table, told.counted("looking at pictures"))
    else:
        from tintype.studio.tables.embedding_map import map_table

        map_table(table, given["model"], told)


class _Telling:
    """Keeps how far the work is, not too often."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self._folder, self._stage = folder, stage
        self._last, self._what = 0.0, ""
        self.total = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        self.total = max(total, done)
        now = time.monotonic()
        if what != self._what or now - self._last >= _TELL_SECONDS:
            self._last, self._what = now, what
            tell(self._folder, self._stage, Progress("working", done, total, what))

    def counted(self, what: str) -> Callable[[int, int], None]:
        """The same for work of one kind."""
        return lambda done, total: self(what, done, total)


def _end_with_the_server() -> None:
    # Not by the stream: its lock would be missed when the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main()
