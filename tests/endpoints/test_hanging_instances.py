"""Instances that hang are found within a second, those that work are not, and no request is lost with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.deployments import local
from tintype.endpoints.online.deployments.local import LocalDeployment
from tintype.endpoints.online.deployments.plans import plan_of
from tintype.endpoints.online.instances.process import InstanceProcess
from tintype.endpoints.online.instances.pulse import Pulse, Signs, read_signs
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.workspace.endpoints import DeploymentRecord

# What instances are to a gateway, without a model: a request's body says what answering it is like.
STAND_IN = """
import asyncio, ctypes, os, re, sys
from tintype.endpoints.online.frames import PROTOCOL, read_frame, write_frame

async def answer(writer, number, body):
    if body == b"wait":
        await asyncio.sleep(0.3)
    if body == b"long native call":
        # One call that computes for two seconds and more, and keeps the interpreter's lock.
        re.match("(a+)+$", 26 * "a" + "b")
    if body == b"deadlock":
        # A call that sleeps and keeps the interpreter's lock.
        ctypes.PyDLL(None).sleep(60)
    if body == b"die":
        os._exit(1)
    header = {"kind": "answer", "id": number, "status": 200, "headers": {}}
    write_frame(writer, header, str(os.getpid()).encode())

async def beat(writer):
    count = 0
    while True:
        collected = {"recorded": count, "dropped": 2 * count}
        write_frame(writer, {"kind": "beat", "busy_s": 0.0, "collected": collected})
        await asyncio.sleep(0.2)
        count += 1

async def connected(reader, writer):
    hello = {"kind": "hello", "protocol": PROTOCOL, "pid": os.getpid(), "classes": [],
             "task": "image_classification", "reads_text": False}
    write_frame(writer, hello)
    tasks = {asyncio.create_task(beat(writer))}
    while (frame := await read_frame(reader)) is not None:
        if frame.header["kind"] == "score":
            tasks.add(asyncio.create_task(answer(writer, frame.header["id"], frame.body)))

async def main():
    async with await asyncio.start_unix_server(connected, sys.argv[1]) as server:
        print("listening", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Three of them, which listen at `<number>.sock`."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", STAND_IN, str(tmp_path / f"{number}.sock")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
    yield started
    for process in started:
        process.kill()
        process.wait()


Work = Callable[[LocalDeployment], Awaitable[None]]


def with_deployment(tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `work` done with a deployment that keeps the three; it starts no others in their place."""

    async def no_more(*_: object, **__: object) -> InstanceProcess:
        raise OSError("none is started here")

    monkeypatch.setattr(local, "start_instance", no_more)
    document = {"name": "blue", "endpoint_name": "pets", "model": "a/b", "instance_count": 3}
    document["request_settings"] = {"request_timeout_ms": 150_000}

    async def run() -> None:
        deployment = LocalDeployment(
            "pets",
            "blue",
            plan_of(DeploymentRecord("pets", "blue", document, "a/b")),
            logs=tmp_path,
            metrics=METRICS,
            settled=lambda *_: None,
        )
        for number in range(3):
            instance = InstanceProcess(number, 1, tmp_path / f"{number}.sock", None, None)
            assert await instance.connect()
            deployment.adopt(instance)
        deployment.start()
        try:
            await work(deployment)
        finally:
            await deployment.stop()

    asyncio.run(run())


METRICS = GatewayMetrics()


def ask(deployment: LocalDeployment, body: bytes = b"wait") -> Awaitable[Answer]:
    return deployment.answer(ScoreCall(body, timeout_s=150))


def test_stopped_instances_are_found_within_a_second_and_cost_no_answer(
    instances: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three at one time: some requests meet both."""

    async def work(deployment: LocalDeployment) -> None:
        asked = [asyncio.ensure_future(ask(deployment)) for _ in range(9)]
        await asyncio.sleep(0.1)
        stopped = instances[:2]
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        asked += [asyncio.ensure_future(ask(deployment)) for _ in range(9)]
        while len(deployment.instances()) > 1:
            assert time.monotonic() < began + 10
            await asyncio.sleep(0.01)
        seconds = time.monotonic() - began
        answers = await asyncio.gather(*asked)
        assert [answer.status for answer in answers] == [200] * 18
        assert {answer.body for answer in answers[9:]} == {str(instances[2].pid).encode()}
        # 0.8 s, see `test_who_hangs`, and what a busy machine takes to look.
        assert seconds < 1.5

    with_deployment(tmp_path, work, monkeypatch)


def test_one_whose_threads_all_sleep_hangs_as_well(
    instances: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_MOST_TRIES", 2)

    async def work(deployment: LocalDeployment) -> None:
        began = time.monotonic()
        answer = await ask(deployment, b"deadlock")
        assert answer.status == 503, "it takes down whoever holds it"
        assert b"2 instances died or hung" in answer.body
        assert time.monotonic() - began < 30, "each would have slept for a minute"

    with_deployment(tmp_path, work, monkeypatch)


def test_a_long_native_call_is_work(
    instances: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the interpreter's lock: nothing of the process can beat meanwhile."""

    async def work(deployment: LocalDeployment) -> None:
        began = time.monotonic()
        answers = await asyncio.gather(*(ask(deployment, b"long native call") for _ in range(3)))
        assert time.monotonic() - began > 1.5, "the call was not long"
        assert {answer.status for answer in answers} == {200}
        assert {int(answer.body) for answer in answers} == {each.pid for each in instances}
        assert len(deployment.instances()) == 3

    with_deployment(tmp_path, work, monkeypatch)


def test_a_request_that_kills_does_not_kill_all(
    instances: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_MOST_TRIES", 2)

    async def work(deployment: LocalDeployment) -> None:
        answer = await ask(deployment, b"die")
        assert answer.status == 503
        assert "2 instances died or hung" in json.loads(answer.body)["error"]["message"]
        assert (await ask(deployment)).status == 200

    with_deployment(tmp_path, work, monkeypatch)


def test_what_instances_recorded_is_counted(
    instances: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(deployment: LocalDeployment) -> None:
        while (deployment.collected() or {}).get("recorded", 0) < 6:
            await asyncio.sleep(0.05)
        found = deployment.collected()
        assert found is not None
        assert found["dropped"] == 2 * found["recorded"]
        text = METRICS.text().decode()
        samples = 'tintype_collected_samples_total{deployment="blue",endpoint="pets",outcome='
        assert f'{samples}"recorded"}}' in text
        assert f'{samples}"dropped"}}' in text

    with_deployment(tmp_path, work, monkeypatch)


SLEEPS = Signs(stopped=False, runnable=False, ticks=7)
WORKS = Signs(stopped=False, runnable=True, ticks=7)


def judged(looks: list[tuple[float, Signs | None]], *, heard: float = 0.0) -> list[str | None]:
    """What a Pulse says at these times, of a process that was last heard at 0."""
    at = iter(looks)
    now: list[tuple[float, Signs | None]] = [(0.0, None)]
    pulse = Pulse(lambda _: now[-1][1], lambda: now[-1][0])
    found = []
    for look in at:
        now.append(look)
        found.append(pulse.hangs(1, heard, most_busy_s=30))
    return found


def test_who_hangs() -> None:
    times = [0.2, 0.4, 0.6, 0.8]
    *early, last = judged([(at, SLEEPS) for at in times])
    assert early == [None] * 3
    assert last == "said nothing for 0.8 s, and all its threads sleep"
    assert judged([(at, WORKS) for at in times])[-1] is None
    counting = [(at, Signs(False, False, int(100 * at))) for at in times]
    assert judged(counting)[-1] is None, "it took processor time"
    stopped = [(at, Signs(True, False, 7)) for at in times]
    assert "it is stopped" in str(judged(stopped)[-1])
    # Where nothing is known of processes, silence has to be long.
    steps = [n / 5 for n in range(1, 27)]
    blind = judged([(at, None) for at in steps])
    assert blind.index("said nothing for 5 s") == steps.index(5.2)
    # And too long is too long.
    steps = [n / 5 for n in range(1, 152)]
    assert judged([(at, WORKS) for at in steps])[-1] == "said nothing for 30 s"


def test_whoever_was_held_up_judges_nobody() -> None:
    """A gateway that was stopped itself has not read the beats that came."""
    assert judged([(0.2, SLEEPS), (60.0, SLEEPS), (60.2, SLEEPS), (60.4, SLEEPS)]) == [None] * 4
    late = judged([(0.2, SLEEPS), *((60 + n / 5, SLEEPS) for n in range(6))])
    assert late[-1] is not None, "but later it does"


def test_signs_of_a_process() -> None:
    script = "print(flush=True); import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        end = time.monotonic() + 10
        while (signs := read_signs(process.pid)) is None or signs.runnable:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert not signs.stopped
        os.kill(process.pid, signal.SIGSTOP)
        end = time.monotonic() + 10
        while not (signs := read_signs(process.pid)) or not signs.stopped:
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert read_signs(process.pid) is None
    own = read_signs(os.getpid())
    assert own is not None
    assert own.runnable
