"""The online endpoint beside MLflow, LitServe, Ray Serve and FastAPI: one machine, one checkpoint.

    ./run bench serving [--models vit clip] [--only tintype mlflow ...] [--concurrency 1 8 32]
                        [--seconds 8] [--repeats 3] [--tintype serve|endpoint]

A JPEG of 500x375 as base64 JSON a request; the client is load.py, in a process of its own. First
closed loops, for throughput and latency; then, for Tintype, arrivals at random at 70 % and at three
times its saturation. Tintype's own Scorer runs in between, without a server, as the ceiling. Weights
are random, in the real Hub format and size. LitServe and Ray Serve lie in an environment that this
script makes (80 MB). Prints Markdown for RESULTS.md; medians of `--repeats`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from load import Load, Outcome, run_load
from machine import machine, photo_jpeg, quiet
from published import write_published
from servers import SERVERS, Bench, Running, Server, ServerFailed
from serving_tables import Answers, Measured, Overload, print_targets, print_throughput

MODELS = {
    "vit": ("google/vit-base-patch16-224", None),
    "clip": ("openai/clip-vit-base-patch32", ("a cat", "a dog", "a red can", "a blue carton")),
}
PHOTOS = 16
# Azure's default for request_timeout_ms: what comes later is no good answer.
DEADLINE = 5.0


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--concurrency", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=8, help="of each closed loop")
    parser.add_argument("--open-seconds", type=float, help="of each open loop; default: 3x as long")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tintype", choices=("serve", "endpoint"), default="serve")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".cache" / "tintype-bench-serving",
        help="keeps the peers' environment, the checkpoints and the servers' logs",
    )
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine()}\n", flush=True)
    for name in options.models:
        with tempfile.TemporaryDirectory(prefix="tintype-bench-") as scratch:
            _model(name, Path(scratch), options)


def _model(name: str, scratch: Path, options: argparse.Namespace) -> None:
    """Measure every server with one checkpoint and print its tables."""
    hub_id, labels = MODELS[name]
    checkpoint = options.folder / name
    if not (checkpoint / "written").exists():
        write_published(hub_id, checkpoint)
        (checkpoint / "written").touch()
    bench = Bench(options.folder, checkpoint, labels, options.tintype)
    photos = []
    for seed in range(PHOTOS):
        photos.append(scratch / f"{seed}.jpg")
        photos[-1].write_bytes(photo_jpeg(500, 375, seed))
    results: dict[str, Measured] = {}
    with _Ceiling.opened(bench, photos) as ceiling:
        for key in options.only:
            try:
                results[key] = _Session(key, bench, photos, ceiling, options).measured()
            except ServerFailed as error:
                _say(f"{name}, {key}: {error}")
                results[key] = Measured(failure="failed")
    shown = [(SERVERS[key], measured) for key, measured in results.items()]
    print_throughput(hub_id, options.concurrency, shown)
    print_targets(hub_id, shown)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# One server ---------------------------------------------------------------------------------------


class _Session:
    """One server with one checkpoint, from its start to its end."""

    def __init__(
        self,
        key: str,
        bench: Bench,
        photos: list[Path],
        ceiling: _Ceiling,
        options: argparse.Namespace,
    ) -> None:
        self._key = key
        self._server: Server = SERVERS[key]
        self._bench = bench
        self._ceiling = ceiling
        self._options = options
        self._bodies = []
        if self._server.zero_shot or bench.labels is None:
            for photo in photos:
                image = base64.b64encode(photo.read_bytes()).decode()
                document = self._server.request(image, bench.labels)
                self._bodies.append(photo.with_name(f"{key}-{photo.stem}.json"))
                self._bodies[-1].write_text(json.dumps(document))

    def measured(self) -> Measured:
        """Start the server, measure it, end it.

        Raises:
            ServerFailed: it does not start, or answers something else than the others.
        """
        if not self._bodies:
            return Measured(failure="not supported")
        log = self._bench.folder / "logs" / f"{self._bench.checkpoint.name}-{self._key}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        first = self._bodies[0].read_bytes()
        with self._server.serving(self._bench, log, first) as (running, answer):
            self._check(answer)
            found = Measured()
            ours = self._server.group == "ours"
            for repeat in range(self._options.repeats):
                for connections in self._options.concurrency:
                    self._closed(running, connections, repeat, found)
                if ours:
                    self._alone(found)
            if ours:
                self._overload(running, found)
        return found

    def _check(self, answer: Any) -> None:
        """That the server's best label has the probability that our Scorer gives it."""
        label, score = self._server.top(answer)
        expected = self._ceiling.scores().get(label)
        # int8 shifts the logits of random weights, which are all but equal, by more than bf16 does.
        tolerance = 0.25 if self._server.group == "ours-int8" else 0.05
        if expected is None or abs(score - expected) > tolerance * expected:
            raise ServerFailed(f"answers {label!r} with {score}; our Scorer gives it {expected}")

    def _closed(self, running: Running, connections: int, repeat: int, found: Measured) -> None:
        options = self._options
        if repeat == 0:
            # As many connections as will be measured: each size of batch is new to some runtimes.
            self._load(running, seconds=max(1.0, options.seconds / 4), connections=connections)
        outcome = self._load(running, seconds=options.seconds, connections=connections)
        if not outcome.rate:
            raise ServerFailed(f"no good answer at {connections} connections: {outcome.refused}")
        found.closed.setdefault(connections, []).append(Answers.of(outcome))
        found.client_share = max(found.client_share, outcome.cpu_seconds / outcome.seconds)
        _say(
            f"{self._bench.checkpoint.name}, {self._key}, {connections} connections: "
            f"{outcome.rate:.2f} images/s, p50 {outcome.percentile(50) * 1000:.0f} ms, "
            f"p99 {outcome.percentile(99) * 1000:.0f} ms {outcome.refused or ''}"
        )

    def _alone(self, found: Measured) -> None:
        """The Scorer without a server, right after the server: the machine is no other by then."""
        found.ceiling.append(self._ceiling.throughput(self._options.seconds))
        found.alone_p50.append(statistics.median(self._ceiling.latency(self._options.seconds / 2)))
        _say(
            f"{self._bench.checkpoint.name}, in process: {found.ceiling[-1]:.2f} images/s, "
            f"one image in {found.alone_p50[-1] * 1000:.1f} ms"
        )

    def _overload(self, running: Running, found: Measured) -> None:
        """Arrivals at random, below and far above saturation."""
        seconds = self._options.open_seconds or 3 * self._options.seconds
        for share in (0.7, 3.0):
            for repeat in range(self._options.repeats):
                outcome = self._load(
                    running, seconds=seconds, rate=share * found.saturation, seed=repeat
                )
                overload = Overload.of(outcome, share * found.saturation, DEADLINE)
                found.open.setdefault(share, []).append(overload)
                found.client_share = max(found.client_share, outcome.cpu_seconds / outcome.seconds)
                _say(f"{self._bench.checkpoint.name}, {self._key}, at {share:.0%}: {overload}")

    def _load(self, running: Running, **how: Any) -> Outcome:
        bodies = [str(body) for body in self._bodies]
        return run_load(Load(running.url, bodies, headers=running.headers, **how))


# The ceiling --------------------------------------------------------------------------------------


@dataclass
class _Ceiling:
    """in_process.py at work."""

    process: subprocess.Popen[str]
    _scores: dict[str, float] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, bench: Bench, photos: list[Path]) -> Iterator[_Ceiling]:
        """The Scorer with the checkpoint loaded, until the block is left."""
        script = Path(__file__).with_name("in_process.py")
        process = subprocess.Popen(
            [sys.executable, script, bench.checkpoint, json.dumps(bench.labels), *photos],
            env=bench.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield cls(process)
        finally:
            process.communicate()

    def throughput(self, seconds: float) -> float:
        """Images a second, decoding included."""
        return float(self._ask("throughput", seconds))

    def latency(self, seconds: float) -> list[float]:
        """Seconds of each call with one image."""
        return list(self._ask("latency", seconds))

    def scores(self) -> dict[str, float]:
        """Probability of every label for the first photo."""
        if not self._scores:
            self._scores = self._ask("scores", 0)
        return self._scores

    def _ask(self, command: str, seconds: float) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command} {seconds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


if __name__ == "__main__":
    main()
