"""Ports of daemons that are ended and started again while other tests start theirs."""

from __future__ import annotations

import itertools
import json
import os
import socket
from pathlib import Path

__all__ = ["keep_own_port"]

# Below Linux's ephemeral ports, which any socket may be given meanwhile; 100 for each of pytest's workers.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(20_000 + 100 * _WORKER, 20_100 + 100 * _WORKER))


def keep_own_port(home: Path) -> None:
    """The daemon of this workspace will listen where no other test's does, as if it had so before.

    Without it the first of a run takes 8080, and once ended may find another test's there.
    """
    for port in _ports:
        with socket.socket() as free:
            if free.connect_ex(("127.0.0.1", port)) != 0:
                break
    path = home / "daemon" / "daemon.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"port": port, "metrics_key": f"metrics-of-{port}"}))
