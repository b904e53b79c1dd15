"""Work on tables, each piece a process beside the server: one of a kind at a time, the rest waits."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tintype.compute.python_process import start_python_process
from tintype.errors import OutputError
from tintype.studio.tables import work_process
from tintype.studio.tables.kept import STAGES, Progress, Stage, read_progress, tell
from tintype.studio.tables.references import TableSource

__all__ = ["TableWork"]


class TableWork:
    """Begins work on tables, once each, and ends it with the server."""

    def __init__(self) -> None:
        self._pools = {stage: ThreadPoolExecutor(1, f"tables-{stage}") for stage in STAGES}
        self._begun: set[tuple[Path, Stage]] = set()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, stage: Stage, source: TableSource, folder: Path, model: str = "") -> None:
        """Do `stage` of a table unless it is being done.

        Raises:
            OutputError: the cache cannot be written.
        """
        with self._lock:
            if self._closed or (folder, stage) in self._begun:
                return
            self._begun.add((folder, stage))
        try:
            tell(folder, stage, Progress("waiting"))
        except OutputError:
            self._begun.discard((folder, stage))
            raise
        given = work_process.order(stage, source, folder, model)
        self._pools[stage].submit(self._do, stage, folder, given)

    def progress(self, stage: Stage, folder: Path) -> Progress | None:
        """How far it is; None where it was not begun, or a server that was killed had begun it."""
        found = read_progress(folder, stage)
        if found is not None and found.state in ("waiting", "working"):
            with self._lock:
                if (folder, stage) not in self._begun:
                    return None
        return found

    def close(self) -> None:
        """End every process."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                process.kill()
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    def _do(self, stage: Stage, folder: Path, given: bytes) -> None:
        try:
            code = self._run(given)
            found = read_progress(folder, stage)
            if not self._closed and (found is None or found.state not in ("done", "failed")):
                reason = f"the process that did it ended with {code}; the server's log says more"
                tell(folder, stage, Progress("failed", error=reason))
        except OutputError:
            # The disk is full: a page that asks again is told.
            pass
        finally:
            with self._lock:
                self._begun.discard((folder, stage))

    def _run(self, given: bytes) -> int:
        with self._lock:
            if self._closed:
                return 0
            process = start_python_process(
                work_process.__name__, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
            self._processes.add(process)
        assert process.stdin is not None
        try:
            process.stdin.write(given)
            process.stdin.flush()
            return process.wait()
        except BrokenPipeError:
            return process.wait()
        finally:
            process.stdin.close()
            with self._lock:
                self._processes.discard(process)
