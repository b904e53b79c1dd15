"""What a node of type `parallel` runs: an entry script over mini-batches of files, in several processes.

python -m tintype.jobs.parallel_step --entry SCRIPT --data FOLDER [...] -- ARGUMENTS OF THE SCRIPT

The script has `init()`, called once a process, and `run(files)`, called with the paths of a mini-batch, which
gives a list of rows: Azure's parallel component contract.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tintype.compute.local_pool import LocalPool
from tintype.errors import RunFailed, TintypeError, UsageError
from tintype.files import write_text
from tintype.tasks import Message, TaskContext

__all__ = ["main", "run_mini_batch"]

_LOOK_SECONDS = 1.0

_scripts: dict[str, Any] = {}
"""Entry scripts of this process, begun."""


def run_mini_batch(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Call the entry script with the files of one mini-batch (see `tasks.Function`).

    Args:
        document: {"entry": path, "arguments": [...], "files": [...]}.

    Returns:
        {"rows": [text, ...]}, or {"error": ...}: a mini-batch's fault is its own.
    """
    try:
        script = _begun(document["entry"], document["arguments"])
        rows = script.run(list(document["files"]))
    except Exception as error:
        # The script may raise anything.
        return {"error": f"{type(error).__name__}: {error}"}
    if hasattr(rows, "to_csv"):
        text = rows.to_csv(index=False, header=False, sep=" ")
        return {"rows": text.splitlines()}
    return {"rows": [str(row) for row in rows]}


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
    parser.add_argument("--mini-batch-size", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--max-retries", type=int, default=2)
    parser.add_argument("--error-threshold", type=int, default=-1)
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
    """Rows of all mini-batches, in the order of their files.

    Raises:
        UsageError: no such script, or no files.
        RunFailed: more files failed than may.
    """
    entry = given.entry.absolute()
    if not entry.is_file():
        raise UsageError(f"there is no entry script {given.entry}")
    files = sorted(str(path) for path in given.data.rglob("*") if path.is_file())
    if not files:
        raise UsageError(f"{given.data} holds no files")
    size = given.mini_batch_size
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    done: dict[int, list[str]] = {}
    waiting, attempts, failed = list(range(len(batches))), [0] * len(batches), 0
    pool = LocalPool("tintype.jobs.parallel_step:run_mini_batch", given.concurrency)
    running: set[int] = set()
    try:
        while waiting or running:
            while waiting and pool.free() > 0:
                number = waiting.pop(0)
                content = {"entry": str(entry), "arguments": arguments, "files": batches[number]}
                pool.start(str(number), content)
                running.add(number)
            for message in pool.wait(_LOOK_SECONDS):
                if message.kind == "message":
                    continue
                number = int(message.task)
                running.discard(number)
                reason = _reason(message)
                if reason is None:
                    done[number] = message.body["rows"]
                elif attempts[number] < given.max_retries:
                    attempts[number] += 1
                    waiting.append(number)
                else:
                    print(f"mini-batch {number}: {reason}", flush=True)
                    failed += len(batches[number])
                    if 0 <= given.error_threshold < failed:
                        raise RunFailed(
                            f"{failed} files failed, error_threshold allows "
                            f"{given.error_threshold}; the last reason: {reason}"
                        )
    finally:
        pool.close()
    print(f"{len(files) - failed} of {len(files)} files in {len(batches)} mini-batches", flush=True)
    return [row for number in sorted(done) for row in done[number]]


def _reason(message: Message) -> str | None:
    """Why a mini-batch failed, if it did."""
    if message.kind == "lost":
        return str(message.body["reason"])
    error = message.body.get("error")
    return None if error is None else str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
