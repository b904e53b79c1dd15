"""What becomes of instances when the machine around them changes: threads, folders, versions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import run
from online import Endpoint, Load, Workspace

from tintype.endpoints.online.runtime_folder import runtime_folder

# An instance of other code: it answers as instances do, and speaks of a version nobody knows.
STRANGER = """
import asyncio, json, os, sys
from tintype.endpoints.online.frames import read_frame, write_frame

async def connected(reader, writer):
    write_frame(writer, {
        "kind": "hello", "protocol": 99, "endpoint": "pets", "deployment": "demo", "generation": 1,
        "pid": os.getpid(), "task": "image_classification", "classes": ["from the future"],
        "reads_text": False,
    })
    async def beat():
        while True:
            write_frame(writer, {"kind": "beat", "busy_s": 0.0})
            await asyncio.sleep(1)
    beating = asyncio.create_task(beat())
    while (frame := await read_frame(reader)) is not None:
        if frame.header["kind"] in ("score", "canary"):
            body = json.dumps([{"probs": [1.0], "labels": ["from the future"]}]).encode()
            answer = {"kind": "answer", "id": frame.header["id"], "status": 200, "headers": {}}
            write_frame(writer, answer, body)
        elif frame.header["kind"] != "cancel":
            sys.exit(3)

async def main():
    async with await asyncio.start_unix_server(connected, sys.argv[1]) as server:
        print("listening", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Its daemon is started in a folder that is deleted then."""
    found = Workspace(tmp_path_factory.mktemp("instances"))
    found.environment["TINTYPE_THREADS"] = "4"
    gone = tmp_path_factory.mktemp("gone")
    run("up", folder=gone, **found.environment)
    gone.rmdir()
    found.endpoint("pets")
    found.deploy("pets", "demo", "one", "--all-traffic")
    yield found
    found("down")


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def environment_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_threads_are_shared_out_over_all_deployments(workspace: Workspace) -> None:
    """Four in all; a process that runs changes over without being started anew."""

    def log() -> str:
        return workspace("online-deployment", "get-logs", "-n", "demo", "-e", "pets")

    (first,) = workspace.pids("pets")
    assert environment_of(first)["TINTYPE_THREADS"] == "4"
    workspace.endpoint("birds")
    workspace.deploy("birds", "demo", "two", "--all-traffic")
    (second,) = workspace.pids("birds")
    assert environment_of(second)["TINTYPE_THREADS"] == "2"
    wait_for(lambda: "threads: 2" in log())
    assert workspace.pids("pets") == [first]
    workspace("online-endpoint", "delete", "--name", "birds", "--yes")
    wait_for(lambda: "threads: 4" in log())
    assert Endpoint(workspace, "pets").labels() == ["can", "carton", "jug"]
    assert workspace.pids("pets") == [first]


def test_an_instance_starts_though_the_daemon_s_first_folder_is_gone(workspace: Workspace) -> None:
    """Seen with oneMKL: in a folder that is gone, no process could load its libraries."""
    daemon = workspace.read("status")["pid"]
    (before,) = workspace.pids("pets")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: workspace.pids("pets") not in ([], [before]))
    home = workspace.folder / "home"
    for pid in (daemon, *workspace.pids("pets")):
        assert os.readlink(f"/proc/{pid}/cwd") == str(home)


def test_an_instance_of_another_version_is_replaced_without_a_lost_answer(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked for before: each command takes a second, in which the stranger could be gone.
    pets = Endpoint(workspace, "pets")
    workspace("down")
    monkeypatch.setenv("TINTYPE_HOME", str(workspace.folder / "home"))
    socket = runtime_folder() / "stranger.sock"
    socket.with_suffix(".json").write_text(
        '{"endpoint": "pets", "deployment": "demo", "generation": 1, "number": 7}'
    )
    stranger = subprocess.Popen(
        [sys.executable, "-c", STRANGER, str(socket)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "listening\n"
        workspace("up")
        with Load(pets) as load:
            load.wait_for(5)
            wait_for(lambda: load.labels[-1] == "can")
            load.wait_for(10)
        assert set(load.statuses) == {200}
        assert load.labels[0] == "from the future", "it answers until its successor does"
        assert stranger.wait(30) == -signal.SIGTERM
        assert len(workspace.pids("pets")) == 1
    finally:
        stranger.kill()
        stranger.wait()
