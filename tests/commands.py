"""Running the command line as a user does: in a process of its own, or quicker, in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

TINTYPE = str(Path(sys.executable).with_name("tintype"))

# Standard output is one for all threads.
_one_at_a_time = threading.RLock()


def run(
    *arguments: object, code: int = 0, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process, which has imported everything already; what it starts,
    jobs and servers, are processes of their own. See `run_alone`."""
    from tintype.cli.main import _run

    out, err = io.StringIO(), io.StringIO()
    words = [str(word) for word in arguments]
    with (
        _one_at_a_time,
        mock.patch.dict(os.environ, environment),
        contextlib.chdir(folder or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        returned = _run(words)
    result = subprocess.CompletedProcess(words, returned, out.getvalue(), err.getvalue())
    return _checked(result, code)


def run_alone(
    *arguments: object, code: int = 0, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in `folder`, and check its exit code; no traceback may ever show."""
    result = subprocess.run(
        [TINTYPE, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=240,
        cwd=folder,
        check=False,
    )
    return _checked(result, code)


def _checked(
    result: subprocess.CompletedProcess[str], code: int
) -> subprocess.CompletedProcess[str]:
    assert result.returncode == code, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stdout + result.stderr
    return result


def wait_for_log(workspace: Path, name: str, text: str) -> None:
    """Wait until the log of the run `name` holds `text`."""
    log = workspace / "runs" / name / "log.txt"
    # Several times what imports take on two busy cores.
    for _ in range(3600):
        if log.exists() and text in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "no log")
