"""The daemon's process: one for a workspace, with a lock, a log and signals.

python -m tintype.endpoints.online.daemon.process
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Any

import filelock

from tintype.endpoints.online.daemon.config import load_config
from tintype.endpoints.online.daemon.daemon import Daemon
from tintype.endpoints.online.gateway.http_server import end_well_on_signals, log_to_stderr
from tintype.errors import TintypeError
from tintype.settings import get_settings

__all__ = ["main"]


def main() -> int:
    """Run the daemon of this workspace; the exit status."""
    home = get_settings().home
    lock = filelock.FileLock(home / "daemon" / "lock")
    log_to_stderr()
    try:
        (home / "daemon").mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=5.0)
    except filelock.Timeout:
        print("another daemon serves this workspace", flush=True)
        return 0
    except OSError as error:
        print(f"error: cannot write the workspace {home}: {error.strerror}", flush=True)
        return 1
    end_well_on_signals()
    # The folder it was started in may be deleted while it lives.
    os.environ.update(get_settings().environment())
    os.chdir(home)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(Daemon(load_config()).run())
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    finally:
        lock.release()
    return 0


def _loop_factory() -> Any:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


if __name__ == "__main__":
    sys.exit(main())
