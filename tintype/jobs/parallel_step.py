"""What a node of type `parallel` runs: an entry script over mini-batches, in several processes.

python -m tintype.jobs.parallel_step --entry SCRIPT --data FOLDER [...] -- ARGUMENTS OF THE SCRIPT

The script has `init()`, called once a process, and `run(mini_batch)`, called with the paths of some files or
with a DataFrame of some rows, which gives a list of rows: Azure's parallel component contract.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tintype.compute.local_pool import LocalPool
from tintype.errors import RunFailed, TintypeError, UsageError
from tintype.files import write_text
from tintype.jobs.mini_batches import MiniBatch, mini_batches
from tintype.settings import get_settings
from tintype.tasks import Message, TaskContext

__all__ = ["main", "run_mini_batch"]

_LOOK_SECONDS = 1.0

_scripts: dict[str, Any] = {}
"""Entry scripts of this process, begun."""


def run_mini_batch(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Call the entry script with the files of one mini-batch (see `tasks.Function`).

    Args:
        document: {"entry": path, "arguments": [...], "files": [...], "is_table": whether these are
            the rows of a table}.

    Returns:
        {"rows": [text, ...]}, or {"error": ...}: a mini-batch's fault is its own.
    """
    try:
        script = _begun(document["entry"], document["arguments"])
        rows = script.run(_given(document["files"], is_table=document["is_table"]))
    except Exception as error:
        # The script may raise anything.
        return {"error": f"{type(error).__name__}: {error}"}
    if hasattr(rows, "to_csv"):
        text = rows.to_csv(index=False, header=False, sep=" ")
        return {"rows": text.splitlines()}
    return {"rows": [str(row) for row in rows]}


def _given(files: Sequence[str], *, is_table: bool) -> Any:
    """A mini-batch as scripts get it."""
    if not is_table:
        return list(files)
    import pandas as pd

    return pd.read_parquet(files[0])


def _begun(entry: str, arguments: Sequence[str]) -> Any:
    if entry not in _scripts:
        # As if it were the program: its own arguments, its neighbours to import.
        sys.argv = [entry, *arguments]
        sys.path.insert(0, str(Path(entry).parent))
        spec = importlib.util.spec_from_file_location("entry_script", entry)
        assert spec is not None
        assert spec.loader is not None
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        if hasattr(script, "init"):
            script.init()
        _scripts[entry] = script
    return _scripts[entry]


def main(arguments: Sequence[str]) -> int:
    """Run all mini-batches; the process's exit code."""
    split = list(arguments)
    own = split[: split.index("--")] if "--" in split else split
    parser = argparse.ArgumentParser(prog="tintype.jobs.parallel_step")
    parser.add_argument("--entry", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mini-batch-size")
    parser.add_argument("--partition-key", action="append", default=[])
    parser.add_argument("--concurrency", type=int, default=0)
    parser.add_argument("--max-retries", type=int, default=2)
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--error-threshold", type=int, default=-1)
    parser.add_argument("--mini-batch-error-threshold", type=int, default=-1)
    parser.add_argument("--append-row-to", type=Path)
    given = parser.parse_args(own)
    try:
        rows = _run(given, split[len(own) + 1 :])
        if given.append_row_to is not None:
            path = given.append_row_to
            target = path / "parallel_run_step.txt" if path.is_dir() else path
            write_text(target, "".join(f"{row}\n" for row in rows))
    except TintypeError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _run(given: argparse.Namespace, arguments: list[str]) -> list[str]:
    """Rows of all mini-batches, in their order.

    Raises:
        UsageError: no such script, or no data.
        RunFailed: more failed than may.
    """
    entry = given.entry.absolute()
    if not entry.is_file():
        raise UsageError(f"there is no entry script {given.entry}")
    with tempfile.TemporaryDirectory(prefix="mini-batches-", dir=".") as scratch:
        batches = mini_batches(
            given.data, given.mini_batch_size, given.partition_key, Path(scratch).absolute()
        )
        tasks = _Tasks(given, [str(entry), *arguments], batches)
        tasks.run_all()
    total = sum(batch.items for batch in batches)
    what = "rows" if batches[0].is_table else "files"
    print(
        f"{total - tasks.failed_items} of {total} {what} in {len(batches)} mini-batches", flush=True
    )
    return [row for number in sorted(tasks.rows) for row in tasks.rows[number]]


class _Tasks:
    """The mini-batches of one run, and what became of them."""

    def __init__(
        self, given: argparse.Namespace, program: list[str], batches: list[MiniBatch]
    ) -> None:
        self._given, self._program, self._batches = given, program, batches
        self._attempts = [0] * len(batches)
        self._waiting = deque(range(len(batches)))
        self._deadlines: dict[int, float] = {}
        """Of those that run, when each is to be ended."""
        self._late: set[int] = set()
        self._failed_batches = 0
        self.failed_items = 0
        self.rows: dict[int, list[str]] = {}
        """By mini-batch."""

    def run_all(self) -> None:
        """Run every mini-batch, again where it fails.

        Raises:
            RunFailed: more failed than may.
        """
        size = self._given.concurrency or get_settings().cpu_threads
        pool = LocalPool("tintype.jobs.parallel_step:run_mini_batch", size)
        try:
            while self._waiting or self._deadlines:
                while self._waiting and pool.free() > 0:
                    self._start(pool, self._waiting.popleft())
                for message in pool.wait(_LOOK_SECONDS):
                    if message.kind != "message":
                        self._hear(message)
                self._end_late(pool)
        finally:
            pool.close()

    def _start(self, pool: LocalPool, number: int) -> None:
        batch, (entry, *arguments) = self._batches[number], self._program
        content = {
            "entry": entry,
            "arguments": arguments,
            "files": list(batch.files),
            "is_table": batch.is_table,
        }
        pool.start(str(number), content)
        self._deadlines[number] = time.monotonic() + (self._given.timeout or math.inf)

    def _end_late(self, pool: LocalPool) -> None:
        moment = time.monotonic()
        for number in [n for n, deadline in self._deadlines.items() if deadline < moment]:
            # Its end is heard of as that of a process that was lost.
            self._late.add(number)
            self._deadlines[number] = math.inf
            pool.kill(str(number))

    def _hear(self, message: Message) -> None:
        number = int(message.task)
        del self._deadlines[number]
        reason = _reason(message)
        if number in self._late and reason is not None:
            reason = f"it took longer than its {self._given.timeout:g} seconds"
        self._late.discard(number)
        if reason is None:
            self.rows[number] = message.body["rows"]
        elif self._attempts[number] < self._given.max_retries:
            self._attempts[number] += 1
            self._waiting.append(number)
        else:
            print(f"mini-batch {number}: {reason}", flush=True)
            self.failed_items += self._batches[number].items
            self._failed_batches += 1
            self._check_thresholds(reason)

    def _check_thresholds(self, reason: str) -> None:
        what = "rows" if self._batches[0].is_table else "files"
        for failed, named, allowed in (
            (self.failed_items, what, "error_threshold"),
            (self._failed_batches, "mini-batches", "mini_batch_error_threshold"),
        ):
            most = getattr(self._given, allowed)
            if 0 <= most < failed:
                raise RunFailed(
                    f"{failed} {named} failed, {allowed} allows {most}; the last reason: {reason}"
                )


def _reason(message: Message) -> str | None:
    """Why a mini-batch failed, if it did."""
    if message.kind == "lost":
        return str(message.body["reason"])
    error = message.body.get("error")
    return None if error is None else str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
