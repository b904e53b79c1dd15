"""A load generator for HTTP endpoints, in a process of its own, every answer timed.

    python load.py < LOAD.json     one Load as JSON in, one Outcome as JSON out

Closed loop: `connections` clients, each sending its next request when it has its answer. Open loop:
requests fall due at `rate` a second with exponential gaps (Poisson), whether or not earlier ones are
answered; a latency counts from when the request was due, so that a stall of the server is not
hidden by the requests it kept from being sent. Requests are bytes made beforehand over keep-alive
connections, so that the client takes little of the machine it shares with the server.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import random
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Load", "Outcome", "run_load"]

OK = "200"
TIMEOUT = "no answer in time"
BROKEN = "connection broken"


@dataclass(frozen=True)
class Load:
    """What to send, and how."""

    url: str

    bodies: list[str]
    """Files with JSON bodies; requests take them in turn."""

    seconds: float
    """New requests are sent for so long; those under way are waited for."""

    connections: int = 0
    """Of a closed loop; 0: an open loop at `rate`."""

    rate: float = 0.0
    """Requests a second of an open loop."""

    headers: dict[str, str] = field(default_factory=dict)

    timeout: float = 60.0
    """Seconds until a client gives an answer up."""

    seed: int = 0
    """Of the gaps of an open loop."""


@dataclass(frozen=True)
class Outcome:
    """What came back."""

    seconds: float
    """From the first request to the last answer."""

    latencies: dict[str, list[float]]
    """Seconds of every request, under its HTTP status, `TIMEOUT` or `BROKEN`."""

    cpu_seconds: float
    """CPU time of the load generator itself."""

    late: float
    """Open loop: the median of how many seconds after they were due requests were sent."""

    @property
    def rate(self) -> float:
        """Answers with status 200, a second."""
        return len(self.latencies.get(OK, ())) / self.seconds

    def goodput(self, deadline: float) -> float:
        """Answers with status 200 within `deadline` seconds, a second."""
        return sum(each <= deadline for each in self.latencies.get(OK, ())) / self.seconds

    def percentile(self, percent: float, status: str = OK) -> float:
        """Seconds within which `percent` of the answers came (nearest rank); NaN without any."""
        ordered = sorted(self.latencies.get(status, ()))
        if not ordered:
            return math.nan
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    @property
    def refused(self) -> dict[str, int]:
        """How many requests had no good answer, by status."""
        return {status: len(each) for status, each in self.latencies.items() if status != OK}


def run_load(load: Load) -> Outcome:
    """Run `load` in a process of its own.

    Raises:
        RuntimeError: the load generator itself failed.
    """
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(dataclasses.asdict(load)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed:\n{done.stderr[-2000:]}")
    return Outcome(**json.loads(done.stdout))


# The process of its own ---------------------------------------------------------------------------


def _main() -> None:
    load = Load(**json.load(sys.stdin))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    outcome = asyncio.run(_closed(load) if load.connections else _open(load))
    json.dump(dataclasses.asdict(outcome), sys.stdout)


async def _closed(load: Load) -> Outcome:
    requests = _requests(load)
    latencies: dict[str, list[float]] = {}
    begun = time.perf_counter()
    used = time.process_time()

    async def client(number: int) -> None:
        connection = _Connection(load)
        turn = number
        while (start := time.perf_counter()) < begun + load.seconds:
            status = await connection.ask(requests[turn % len(requests)])
            latencies.setdefault(status, []).append(time.perf_counter() - start)
            turn += load.connections
            if status == BROKEN:
                # A dead server must not be asked in a tight loop.
                await asyncio.sleep(0.1)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(load.connections)))
    return Outcome(time.perf_counter() - begun, latencies, time.process_time() - used, 0.0)


async def _open(load: Load) -> Outcome:
    requests = _requests(load)
    latencies: dict[str, list[float]] = {}
    idle: list[_Connection] = []
    late: list[float] = []
    gaps = random.Random(load.seed)
    begun = time.perf_counter()
    used = time.process_time()

    async def client(turn: int, due: float) -> None:
        late.append(time.perf_counter() - due)
        # The connection used last is the one that the server is least likely to have closed.
        connection = idle.pop() if idle else _Connection(load)
        status = await connection.ask(requests[turn % len(requests)])
        latencies.setdefault(status, []).append(time.perf_counter() - due)
        idle.append(connection)

    under_way: set[asyncio.Task[None]] = set()
    due, turn = begun + gaps.expovariate(load.rate), 0
    while due < begun + load.seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(client(turn, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        due, turn = due + gaps.expovariate(load.rate), turn + 1
    await asyncio.gather(*under_way)
    elapsed = max(load.seconds, time.perf_counter() - begun)
    for connection in idle:
        connection.close()
    late.sort()
    return Outcome(
        elapsed, latencies, time.process_time() - used, late[len(late) // 2] if late else 0.0
    )


def _requests(load: Load) -> list[bytes]:
    """Every body with its head, ready to be sent."""
    parts = urlsplit(load.url)
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Accept": "application/json",
        **load.headers,
    }
    lines = [f"POST {parts.path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    requests = []
    for path in load.bodies:
        body = Path(path).read_bytes()
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        requests.append(head.encode() + body)
    return requests


class _Connection:
    """One keep-alive connection, opened when it is first needed and again when it was closed."""

    def __init__(self, load: Load) -> None:
        parts = urlsplit(load.url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._timeout = load.timeout
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> str:
        """Send `request`, read the whole answer; its status, `TIMEOUT` or `BROKEN`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(request)
        except TimeoutError:
            self.close()
            return TIMEOUT
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return BROKEN

    def close(self) -> None:
        """Close it; the next `ask` opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _exchange(self, request: bytes) -> str:
        if self._reader is not None and self._reader.at_eof():
            # The server has closed it while it was idle.
            self.close()
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(request)
        reader = self._reader
        head = await reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip().lower()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readuntil(b"\r\n")
        elif "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
        else:
            await reader.read()
            self.close()
        if headers.get("connection") == "close":
            self.close()
        return status.split()[1]


if __name__ == "__main__":
    _main()
