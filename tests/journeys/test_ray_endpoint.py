"""A deployment document with `compute: ray`: replicas on a cluster of this machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import psutil
import pytest
from commands import run
from online import Load, Workspace
from ray_clusters import ray_cluster

pytest.importorskip("ray.serve")


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with ray_cluster(head_cpus=4) as cluster:
        found = Workspace(tmp_path_factory.mktemp("ray"))
        found.environment["RAY_ADDRESS"] = cluster.address
        yield found
        found("down")


@pytest.mark.slow
def test_replicas_on_ray(workspace: Workspace) -> None:
    cloud = workspace.endpoint("cloud")
    deployed = workspace.deploy(
        "cloud", "demo", "one", "--set", "compute=ray", "instance_count=2", "--all-traffic"
    )
    assert deployed["provisioning_state"] == "Succeeded"
    assert [instance["state"] for instance in deployed["instances"]] == ["ready", "ready"]
    assert cloud.labels() == ["can", "carton", "jug"]
    assert cloud.ask("/health/ready", None)[0] == 200
    status, answer, _ = cloud.ask(body=b'{"input_data": ["aGVsbG8="]}')
    assert (status, answer["error"]["row"]) == (422, 0)
    with Load(cloud) as load:
        load.wait_for(20)
        replicas = [p for p in psutil.process_iter(["name"]) if "ServeReplica" in p.info["name"]]
        replicas[0].send_signal(signal.SIGKILL)
        load.wait_for(40)
        workspace(
            "online-deployment",
            "update",
            "-n",
            "demo",
            "-e",
            "cloud",
            "--set",
            f"model={workspace.models['two']}",
        )
        load.wait_for(20)
    assert set(load.statuses) == {200}
    assert (load.labels[0], load.labels[-1]) == ("can", "a")
    failed = run(
        "online-deployment",
        "update",
        "-n",
        "demo",
        "-e",
        "cloud",
        "--set",
        "settings.task=zero_shot_image_classification",
        code=1,
        **workspace.environment,
    )
    assert "cannot classify zero-shot" in failed.stderr
    assert cloud.labels() == ["a", "b"]
    moved = run(
        "online-deployment",
        "update",
        "-n",
        "demo",
        "-e",
        "cloud",
        "--set",
        "compute=local",
        code=2,
        **workspace.environment,
    )
    assert "create another one" in moved.stderr
