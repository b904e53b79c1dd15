"""Finding the instances that a gateway left behind when it was killed."""

from __future__ import annotations

import contextlib
import json

from tintype.endpoints.online.instances.process import InstanceProcess
from tintype.endpoints.online.runtime_folder import runtime_folder
from tintype.workspace.endpoints import EndpointStore

__all__ = ["find_instances"]


async def find_instances() -> dict[tuple[str, str], list[InstanceProcess]]:
    """Instances of this workspace that answer, connected, by endpoint and deployment."""
    instances: dict[tuple[str, str], list[InstanceProcess]] = {}
    store = EndpointStore()
    for path in sorted(runtime_folder().glob("*.json")):
        try:
            written = json.loads(path.read_text("utf-8"))
            owner = str(written["endpoint"]), str(written["deployment"])
            generation, number = int(written["generation"]), int(written["number"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        log = store.folder(*owner) / "logs" / f"{generation}-{number}.log"
        instance = InstanceProcess(number, generation, path.with_suffix(".sock"), log, None)
        if await instance.connect():
            instances.setdefault(owner, []).append(instance)
        else:
            with contextlib.suppress(OSError):
                instance.socket.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
    return instances
