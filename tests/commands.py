"""Running the command line as a user does, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

TINTYPE = str(Path(sys.executable).with_name("tintype"))


def run(
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
    assert result.returncode == code, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stdout + result.stderr
    return result


def wait_for_log(workspace: Path, name: str, text: str) -> None:
    """Wait until the log of the run `name` holds `text`."""
    log = workspace / "runs" / name / "log.txt"
    # Twice the time that imports take on two busy cores.
    for _ in range(1200):
        if log.exists() and text in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "no log")
