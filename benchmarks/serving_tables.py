"""What serving.py measured, and its tables against what issue 5 asks."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from load import Outcome
from servers import Server

__all__ = ["Answers", "Measured", "Overload", "print_targets", "print_throughput"]


@dataclass(frozen=True)
class Answers:
    """One closed loop: images a second, and seconds of an answer."""

    rate: float
    p50: float
    p99: float
    lost: int
    """Requests without a good answer."""

    @classmethod
    def of(cls, outcome: Outcome) -> Answers:
        """The numbers of `outcome`."""
        lost = sum(outcome.refused.values())
        return cls(outcome.rate, outcome.percentile(50), outcome.percentile(99), lost)


@dataclass(frozen=True)
class Overload:
    """One open loop."""

    offered: float
    """Requests a second."""

    goodput: float
    """Good answers a second, from the first request to the last answer of any kind."""

    p50: float
    p99: float
    """Seconds of an answer with status 200."""

    answers: dict[str, int]
    """How many, by status."""

    refused_p50: float
    refused_p99: float
    """Seconds of an answer with status 429; NaN without any."""

    late: float
    """Seconds by which the client itself was late, median."""

    @classmethod
    def of(cls, outcome: Outcome, offered: float, deadline: float) -> Overload:
        """The numbers of `outcome`; an answer is good within `deadline` seconds."""
        return cls(
            offered,
            outcome.goodput(deadline),
            outcome.percentile(50),
            outcome.percentile(99),
            {status: len(each) for status, each in sorted(outcome.latencies.items())},
            outcome.percentile(50, "429"),
            outcome.percentile(99, "429"),
            outcome.late,
        )

    def __str__(self) -> str:
        return (
            f"{self.offered:.1f}/s offered, {self.goodput:.2f}/s good, p50 {_ms(self.p50)}, "
            f"p99 {_ms(self.p99)}, {self.answers}, 429 in p50 {_ms(self.refused_p50)}, "
            f"p99 {_ms(self.refused_p99)}; client late by {_ms(self.late)}"
        )


@dataclass
class Measured:
    """One server with one checkpoint; every list has one entry a repeat."""

    failure: str = ""
    """Why there is nothing else."""

    closed: dict[int, list[Answers]] = field(default_factory=dict)
    """By number of connections."""

    open: dict[float, list[Overload]] = field(default_factory=dict)
    """By share of saturation; only Tintype's."""

    ceiling: list[float] = field(default_factory=list)
    """Images a second of our Scorer without a server; only Tintype's."""

    alone_p50: list[float] = field(default_factory=list)
    """Seconds of one image in our Scorer without a server, median; only Tintype's."""

    client_share: float = 0.0
    """CPU time of the load generator over time, at most."""

    def rate(self, connections: int) -> float:
        """Images a second, median of the repeats."""
        return statistics.median(each.rate for each in self.closed[connections])

    @property
    def saturation(self) -> float:
        """The highest throughput of a closed loop."""
        return max(self.rate(connections) for connections in self.closed)


Shown = Sequence[tuple[Server, Measured]]


def print_throughput(hub_id: str, concurrency: Sequence[int], shown: Shown) -> None:
    """Every server's throughput and latency, and Tintype's under random arrivals."""
    heads = [f"{each} connection{'s'[: each > 1]}: images/s | p50, p99 ms" for each in concurrency]
    print(f"| {hub_id}, JPEG 500x375 as base64 JSON | {' | '.join(heads)} |")
    print("|---" * (1 + 2 * len(heads)) + "|")
    for server, measured in shown:
        cells = [_closed_cells(measured, connections) for connections in concurrency]
        print(f"| {server.title} | {' | '.join(cells)} |")
    for _, measured in shown:
        if measured.ceiling:
            alone = f"{1 / statistics.median(measured.alone_p50):.1f}"
            most = f"{statistics.median(measured.ceiling):.1f}"
            cells = [f"{alone if each == 1 else most} | " for each in concurrency]
            print(f"| ceiling: our Scorer in process | {' | '.join(cells)} |")
    client = max((measured.client_share for _, measured in shown), default=0.0)
    print(f"\nThe load generator took at most {client:.0%} of one core.\n")
    for server, measured in shown:
        if measured.open:
            _print_open(hub_id, server, measured)


def _closed_cells(measured: Measured, connections: int) -> str:
    if measured.failure:
        return f"{measured.failure} | "
    repeats = measured.closed[connections]
    p50, p99 = (
        statistics.median(getattr(each, name) for each in repeats) for name in ("p50", "p99")
    )
    lost = sum(each.lost for each in repeats)
    note = f" ({lost} without an answer)" if lost else ""
    return f"{measured.rate(connections):.1f}{note} | {p50 * 1000:.0f}, {p99 * 1000:.0f}"


def _print_open(hub_id: str, server: Server, measured: Measured) -> None:
    print(
        f"| {server.title}, {hub_id}, random arrivals | offered/s | good/s | p50, p99 ms "
        "| refused (429) | refused in p50, p99 ms | other than 200, 429 |"
    )
    print("|---|---|---|---|---|---|---|")
    for share, repeats in measured.open.items():
        offered, goodput, p50, p99, refused_p50, refused_p99 = (
            _median(repeats, name)
            for name in ("offered", "goodput", "p50", "p99", "refused_p50", "refused_p99")
        )
        sent = sum(sum(each.answers.values()) for each in repeats)
        refused = sum(each.answers.get("429", 0) for each in repeats)
        rest = sent - refused - sum(each.answers.get("200", 0) for each in repeats)
        print(
            f"| {share:.0%} of saturation | {offered:.1f} | {goodput:.1f} "
            f"| {p50 * 1000:.0f}, {p99 * 1000:.0f} | {refused / max(sent, 1):.0%} "
            f"| {_ms(refused_p50)}, {_ms(refused_p99)} | {rest} |"
        )
    print(flush=True)


def print_targets(hub_id: str, shown: Shown) -> None:
    """What issue 5 asks, what was measured, and whether that is enough."""
    ours = next((each for server, each in shown if server.group == "ours" and each.closed), None)
    if ours is None:
        return
    most = max(ours.closed)
    int8 = next((each for server, each in shown if server.group == "ours-int8"), None)
    print(f"| {hub_id}: the targets | asked | measured | |")
    print("|---|---|---|---|")
    for title, groups, factor in (
        ("against `mlflow models serve`", ("mlflow",), 5.0),
        ("against the best peer as its users configure it", ("users", "mlflow"), 2.0),
        (
            "against the same, with bf16 set by hand among them",
            ("users", "mlflow", "users-bf16"),
            2.0,
        ),
        ("against the best peer with our runtime and precision", ("given",), 1.15),
        ("against the best peer around our whole Scorer", ("scorer",), 1.15),
    ):
        rates = [
            (measured.rate(most), server.title)
            for server, measured in shown
            if server.group in groups and measured.closed
        ]
        title = f"throughput at {most} connections, {title}"
        if rates:
            rate, name = max(rates)
            ratio = ours.rate(most) / rate if rate else math.inf
            _row(title, f"≥ {factor:g}x", f"{ratio:.2f}x ({name})", ratio >= factor)
            if int8 is not None and int8.closed and "mlflow" in groups:
                ratio = int8.rate(most) / rate if rate else math.inf
                _row(
                    f"the same, in int8 {title.removeprefix('throughput ')}",
                    f"≥ {factor:g}x",
                    f"{ratio:.2f}x ({name})",
                    ratio >= factor,
                )
        else:
            _row(title, f"≥ {factor:g}x", "–", None)
    pairs = zip(ours.closed[most], ours.ceiling, strict=True)
    share = statistics.median(each.rate / alone for each, alone in pairs)
    _row(
        f"of our Scorer's throughput in process, at {most} connections",
        "≥ 90 %",
        f"{share:.0%}",
        share >= 0.9,
    )
    if 1 in ours.closed:
        pairs = zip(ours.closed[1], ours.alone_p50, strict=True)
        added = statistics.median(each.p50 - alone for each, alone in pairs)
        _row(
            "the HTTP path at 1 connection adds", "≤ 3 ms", f"{added * 1000:.1f} ms", added <= 0.003
        )
    if ours.open:
        below, above = ours.open[0.7], ours.open[3.0]
        spread = statistics.median(each.p99 / each.p50 for each in below)
        shown_spread = f"{spread:.2f}x"
        if 1 in ours.closed:
            single = statistics.median(each.p50 for each in ours.closed[1])
            ideal = _ideal_spread(single, most / ours.rate(most), most, below[0].offered)
            shown_spread += f"; of a queue without any flaw {ideal:.1f}x"
        _row("p99 over p50 at 70 % of saturation", "≤ 3x", shown_spread, spread <= 3)
        kept = _median(above, "goodput") / ours.saturation
        _row("goodput at 3x saturation, of the peak", "≥ 90 %", f"{kept:.0%}", kept >= 0.9)
        refused = _median(above, "refused_p99")
        met = None if math.isnan(refused) else refused < 0.05
        _row("refused requests answered in (p99)", "< 50 ms", _ms(refused), met)
    print(flush=True)


def _ideal_spread(single: float, full: float, size: int, rate: float) -> float:
    """p99 over p50 of arrivals at random, at `rate` a second, where nothing takes time but the model.

    One pass at a time takes all that wait, `size` at most, in the order they came; it takes `single`
    seconds for one image, `full` for `size`, and in between as many as lie on the line.
    """
    slope = (full - single) / (size - 1)
    draw = random.Random(0)
    due, arrivals, latencies = 0.0, [], []
    for _ in range(50_000):
        due += draw.expovariate(rate)
        arrivals.append(due)
    now, place = 0.0, 0
    while place < len(arrivals):
        now = max(now, arrivals[place])
        waiting = [each for each in arrivals[place : place + size] if each <= now]
        now += single + slope * (len(waiting) - 1)
        latencies += [now - each for each in waiting]
        place += len(waiting)
    latencies.sort()
    return latencies[int(len(latencies) * 0.99)] / latencies[len(latencies) // 2]


def _row(title: str, asked: str, measured: str, met: bool | None) -> None:
    word = {True: "met", False: "not met", None: "not measured"}[met]
    print(f"| {title} | {asked} | {measured} | {word} |")


def _median(repeats: Sequence[Overload], name: str) -> float:
    values = [value for each in repeats if not math.isnan(value := getattr(each, name))]
    return statistics.median(values) if values else math.nan


def _ms(seconds: float) -> str:
    return "–" if math.isnan(seconds) else f"{seconds * 1000:.0f} ms"
