"""Traffic, rate limits, scaling, frames and body limits, each by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pytest

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.deployments.plans import needs_new_instances, plan_of
from tintype.endpoints.online.deployments.protocol import ModelDescription
from tintype.endpoints.online.deployments.scaling import Autoscaler
from tintype.endpoints.online.frames import Frame, read_frame, write_frame
from tintype.endpoints.online.gateway.body import ByteBudget, ClientGone, read_body
from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.gateway.rate_limit import RateLimiter
from tintype.endpoints.online.gateway.served import ServedEndpoint
from tintype.errors import RequestError
from tintype.scoring.micro_batcher import MicroBatcher
from tintype.workspace.endpoints import DeploymentRecord


class Named:
    """A backend that is only a name."""

    timeout_s = 1.0
    description: ModelDescription | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def check_room(self) -> None:
        return

    async def answer(self, call: ScoreCall) -> Answer:
        return Answer(200, b"")

    async def canary(self, timeout_s: float) -> Answer:
        return Answer(200, b"")


def endpoint(traffic: dict[str, int], mirror: dict[str, int] | None = None) -> ServedEndpoint:
    backends = {name: Named(name) for name in ("blue", "green")}
    return ServedEndpoint("e", KeyRing({}), {**backends}, traffic, mirror or {})


@pytest.mark.parametrize(
    ("draw", "chosen"), [(0.0, "blue"), (0.899, "blue"), (0.9, "green"), (0.999, "green")]
)
def test_traffic_is_shared_out_by_percent(draw: float, chosen: str) -> None:
    assert endpoint({"blue": 90, "green": 10}).choose(None, draw).name == chosen


def test_who_has_no_traffic_is_asked_by_name_only() -> None:
    served = endpoint({"blue": 100, "green": 0})
    assert {served.choose(None, draw / 100).name for draw in range(100)} == {"blue"}
    assert served.choose("green").name == "green"
    for wanted in ("red", ""):
        with pytest.raises(RequestError) as caught:
            served.choose(wanted)
        assert caught.value.status == 404
    with pytest.raises(RequestError, match="has traffic"):
        endpoint({}).choose(None)


def test_mirrors_get_their_percent() -> None:
    served = endpoint({"blue": 100}, {"green": 30})
    found = [served.mirrored(draw / 100) for draw in range(100)]
    assert sum(backend is not None for backend in found) == 30
    assert endpoint({"blue": 100}).mirrored(0.0) is None


def test_a_rate_limit_allows_a_burst_and_then_its_rate() -> None:
    now = 0.0
    limiter = RateLimiter(60, clock=lambda: now)
    assert [limiter.wait("a") for _ in range(12)] == [0] * 10 + [1, 1]
    assert limiter.wait("b") == 0
    now = 1.0
    assert [limiter.wait("a"), limiter.wait("a")] == [0, 1]
    slow = RateLimiter(2, clock=lambda: now)
    assert [slow.wait("a"), slow.wait("a")] == [0, 30]
    now = -1000.0
    assert limiter.wait("a") == 1, "a clock that is put back neither adds nor takes away"


def scaler(clock: Any, most: int = 4) -> Autoscaler:
    return Autoscaler(
        polling_interval_s=1,
        target_utilization_percentage=50,
        min_instances=1,
        max_instances=most,
        calm_s=60,
        clock=clock,
    )


def test_instances_follow_the_load_up_at_once_and_down_slowly() -> None:
    now = 0.0
    found = scaler(lambda: now)
    # Ten calls each at full use, five at half: twelve calls need three.
    assert found.wanted(12, 1, 10) == 3
    now = 0.5
    assert found.wanted(100, 1, 10) == 3, "polled once a second"
    now = 2.0
    assert found.wanted(100, 1, 10) == 3, "those asked for still load"
    now = 4.0
    assert found.wanted(100, 3, 10) == 4, "never above the most"
    now = 10.0
    assert found.wanted(0, 4, 10) == 4
    now = 63.0
    assert found.wanted(6, 4, 10) == 4
    now = 72.0
    assert found.wanted(0, 4, 10) == 2, "what the last minute needed at most"
    now = 140.0
    assert found.wanted(0, 2, 10) == 1


def test_frames_arrive_as_they_were_sent() -> None:
    async def exchange() -> list[Frame | None]:
        received: list[Frame | None] = []
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (frame := await read_frame(reader)) is not None:
                received.append(frame)
            received.append(None)
            writer.close()
            done.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        write_frame(writer, {"id": 1})
        write_frame(writer, {"id": 2, "kind": "score"}, b"x" * 3_000_000)
        await writer.drain()
        writer.close()
        await asyncio.wait_for(done.wait(), 10)
        server.close()
        return received

    first, second, end = asyncio.run(exchange())
    assert first == Frame({"id": 1})
    assert second == Frame({"id": 2, "kind": "score"}, b"x" * 3_000_000)
    assert end is None


@pytest.mark.parametrize("sent", [b"\0\0", b"\xff" * 40, b"\0\0\0\5\0\0\0\0\0\0\0\0[1"])
def test_what_is_no_frame_is_a_lost_connection(sent: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        reader.feed_eof()
        await read_frame(reader)

    with pytest.raises(ConnectionError):
        asyncio.run(read())


def receiving(*messages: MutableMapping[str, Any]) -> Any:
    queue = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        if queue:
            return queue.pop(0)
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    return receive


def chunk(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_bodies_are_counted_as_they_arrive() -> None:
    budget = ByteBudget(100)

    def read(
        *messages: MutableMapping[str, Any], announced: str = "", timeout_s: float = 5
    ) -> bytes:
        return asyncio.run(
            read_body(
                receiving(*messages), announced, max_bytes=80, timeout_s=timeout_s, budget=budget
            )
        )

    for announced, messages, status in (
        ("81", (), 413),
        ("", (chunk(b"x" * 50), chunk(b"x" * 50)), 413),
        ("", (chunk(b"x"),), 408),
    ):
        with pytest.raises(RequestError) as caught:
            read(*messages, announced=announced, timeout_s=0.05)
        assert caught.value.status == status
    with pytest.raises(ClientGone):
        read(chunk(b"x"), {"type": "http.disconnect"})
    assert read(chunk(b"x" * 40), chunk(b"y" * 40, more=False)) == b"x" * 40 + b"y" * 40
    # What failed gave its room back; what is held has not.
    with pytest.raises(RequestError) as caught:
        read(chunk(b"x" * 21, more=False))
    assert caught.value.status == 429
    budget.give_back(80)
    assert read(chunk(b"x" * 21, more=False))


def test_either_key_opens_and_says_which() -> None:
    ring = KeyRing({"primary": digest_of("p" * 16), "secondary": digest_of("s" * 16)})
    assert ring.match(f"Bearer {'p' * 16}") == "primary"
    assert ring.match(f"bearer  {'s' * 16} ") == "secondary"
    for wrong in (
        "",
        "Bearer",
        f"Basic {'p' * 16}",
        "p" * 16,
        f"Bearer {'p' * 17}",
        "Bearer \udcff",
    ):
        assert ring.match(wrong) is None


def test_work_between_passes_is_done_by_the_thread_of_the_model() -> None:
    class Fake:
        batch_size = 4

        def __init__(self) -> None:
            self.log: list[str] = []

        def run(self, pixels: np.ndarray) -> np.ndarray:
            time.sleep(0.05)
            self.log.append(f"{len(pixels)} by {threading.current_thread().name}")
            return np.zeros((len(pixels), 2), np.float32)

    scorer = Fake()
    batcher = MicroBatcher(scorer)  # type: ignore[arg-type]
    image, later = np.zeros((2, 2, 3), np.uint8), time.monotonic() + 60
    first = batcher.submit([image], later)
    time.sleep(0.02)
    waiting = batcher.submit([image, image], later)
    batcher.between_passes(lambda: scorer.log.append(f"work by {threading.current_thread().name}"))
    batcher.between_passes(lambda: 1 / 0)
    rest = batcher.submit([image], later)
    for future in (*first, *waiting, *rest):
        assert future.result(10).shape == (2,)
    batcher.close()
    assert scorer.log == ["1 by model", "2 by model", "work by model", "1 by model"]


@pytest.mark.parametrize(
    ("document", "threads"),
    [
        ({}, None),
        ({"settings": {"threads": 3}}, 3),
        ({"environment_variables": {"TINTYPE_THREADS": "5"}}, 5),
        ({"environment_variables": {"TINTYPE_THREADS": "many"}}, None),
    ],
)
def test_a_deployment_may_set_its_own_threads(
    document: dict[str, Any], threads: int | None
) -> None:
    whole = {"name": "blue", "endpoint_name": "photos", "model": "a/b", **document}
    plan = plan_of(DeploymentRecord("photos", "blue", whole, "a/b"))
    assert plan.threads == threads
    assert "TINTYPE_HOME" in plan.environment


def test_other_threads_need_no_other_instances() -> None:
    whole = {"name": "blue", "endpoint_name": "photos", "model": "a/b"}
    before = DeploymentRecord("photos", "blue", {**whole, "instance_count": 1}, "a/b")
    more = before.changed(document={**whole, "instance_count": 4})
    assert not needs_new_instances(before, more)
    exact = before.changed(document={**whole, "settings": {"exact": True}})
    assert needs_new_instances(before, exact)
