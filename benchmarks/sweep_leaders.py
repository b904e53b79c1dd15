"""The models of a sweep that were its best so far: of its trials, and before the first of them ended."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType


class FirstModels:
    """Copies of what the ranking, trial 0, has at its place as the best model so far, while it runs.

        with FirstModels(runs, kept) as first:
            ...  # the sweep
        first.found  # [(time.time(), model folder)]

    A model there is used by its path at any time: it is replaced as a whole.
    """

    def __init__(self, runs: Path, kept: Path) -> None:
        """
        Args:
            runs: the workspace's folder of runs.
            kept: where copies go.
        """
        self.found: list[tuple[float, Path]] = []
        self._runs, self._kept = runs, kept
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> FirstModels:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        seen: set[int] = set()
        while not self._ended.wait(0.25):
            for folder in self._runs.glob("*_0/outputs/mlflow-model"):
                try:
                    inode = folder.stat().st_ino
                    if inode in seen:
                        continue
                    copy = self._kept / str(len(self.found))
                    begun = time.time()
                    shutil.copytree(folder, copy, dirs_exist_ok=True)
                    # Replaced meanwhile: the next round takes what is there now.
                    if folder.stat().st_ino != inode:
                        continue
                except OSError:
                    continue
                seen.add(inode)
                self.found.append((begun, copy))


def sweep_leaders(runs: Path, job: str) -> Iterator[tuple[float, Path]]:
    """When each ended, as time.time() tells it, and its model folder; best by validation.

    Args:
        runs: the workspace's folder of runs.
        job: the sweep's name.
    """
    sweep = json.loads((runs / job / "sweep.json").read_text())
    best = -1.0
    for trial in sorted(sweep["trials"], key=lambda trial: trial["ended"] or 0):
        if trial["state"] == "completed" and trial["metric"] > best:
            best = trial["metric"]
            yield trial["ended"], runs / trial["run"] / "outputs" / "mlflow-model"
