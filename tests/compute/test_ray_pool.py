"""The same on a Ray cluster of several nodes on this machine, one of which is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray_clusters import MEMORY, ray_cluster

from tintype.compute.ray_pool import RayPool
from tintype.tasks import Message, TaskContext

ray = pytest.importorskip("ray")


def count(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Counts to ten in a file, a step at a time, from where an earlier attempt left it."""
    path = Path(document["path"])
    begun_at = int(path.read_text()) if path.exists() else 0
    node = ray.get_runtime_context().get_node_id()
    context.send({"begun_at": begun_at, "node": node, "home": os.environ["TINTYPE_HOME"]})
    for step in range(begun_at + 1, 11):
        time.sleep(document["pause"])
        if context.stop() is not None:
            return {"stop": context.stop()}
        path.write_text(str(step))
    return {"reached": int(path.read_text()), "begun_at": begun_at}


def heard(pool: RayPool, kind: str, seconds: float = 60) -> Message:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for message in pool.wait(0.2):
            if message.kind == kind:
                return message
    raise AssertionError(f"no {kind} within {seconds} s")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    # Its workers import this file, and what it imports.
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])
    with ray_cluster() as cluster:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield cluster


def test_a_lost_node_costs_only_the_steps_since_the_last_checkpoint(
    cluster: Any, tmp_path: Path
) -> None:
    nodes = {}
    for _ in range(2):
        node = cluster.add_node(num_cpus=1, **MEMORY)
        nodes[node.node_id] = node
    cluster.wait_for_nodes()
    pool = RayPool("test_ray_pool:count", 2)
    try:
        pool.start("a", {"path": str(tmp_path / "a"), "pause": 0.4})
        first = heard(pool, "message")
        assert first.body["home"] == os.environ["TINTYPE_HOME"]
        while not (tmp_path / "a").exists():
            time.sleep(0.05)
        cluster.remove_node(nodes[first.body["node"]], allow_graceful=False)
        again = heard(pool, "message")
        assert again.body["node"] != first.body["node"]
        assert again.body["begun_at"] >= 1
        done = heard(pool, "done")
        assert done.body["reached"] == 10
        assert done.body["begun_at"] == again.body["begun_at"]

        pool.start("b", {"path": str(tmp_path / "b"), "pause": 0.3})
        heard(pool, "message")
        pool.stop("b", "finish")
        assert heard(pool, "done").body == {"stop": "finish"}
        assert pool.free() == 2
    finally:
        pool.close()
