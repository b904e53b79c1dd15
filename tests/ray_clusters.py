"""Ray clusters on this machine: one at a time, whatever other test processes do.

Two at once have ended each other's drivers.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from unittest import mock

import filelock
import pytest

MEMORY = {"object_store_memory": 80 * 1024 * 1024}


@contextlib.contextmanager
def ray_cluster(head_cpus: int = 0) -> Iterator[Any]:
    """A cluster of a head alone; tests add their nodes."""
    import ray
    from ray.cluster_utils import Cluster

    # Ray's workers step back for everything else on a machine, here for the other test processes.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    with filelock.FileLock(Path(tempfile.gettempdir()) / "tintype-tests-ray.lock"):
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": head_cpus, "include_dashboard": False, **MEMORY},
        )
        try:
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


def in_own_thread(test: Callable[..., None], **fixtures: Any) -> None:
    """Run a test in a thread made for it: what Ray keeps of a thread outlives its cluster, and its numbers of
    objects come again in the next one, which ends the process."""
    pytest.importorskip("ray")
    found: Future[None] = Future()

    def run() -> None:
        try:
            # Only the main thread may say what a signal does.
            with mock.patch("ray._private.utils.set_sigterm_handler"):
                found.set_result(test(**fixtures))
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    found.result()
