"""What recording costs an endpoint: one model deployed with `data_collector`, and twice without.

    ./run bench collecting [--rounds 20] [--seconds 3] [--connections 8] [--photos 400] [--picture original]

All wait on the same machine and are asked in turn, in short rounds, in an order that turns as well, so that what else
the machine does meets all; of each round the ratio to the first without counts, and of the ratios the median with its
interval (bootstrap, 95 %). The second without says how much two that are alike differ. The instances' processor time for a request says the same on a machine that is busy. All requests are
recorded, picture and answer; photos differ, so that each is written. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import psutil
from load import OK, Load, run_load
from machine import machine, photo_jpeg
from online import Endpoint, Workspace

_MODEL = "tintype/efficientnet-lite0"
_RECORDED = [
    f"data_collector.collections.model_{what}.enabled=true" for what in ("inputs", "outputs")
]


@dataclass
class _Seen:
    """Of each round of one deployment."""

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Milliseconds of processor time that its instance took for a request."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--picture", choices=("original", "thumbnail", "none"), default="original")
    options = parser.parse_args()
    print(f"Machine: {machine()}; load {os.getloadavg()[1]:.1f} before\n")
    recorded = [*_RECORDED, f"data_collector.picture={options.picture}"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder)
        del workspace.environment["TINTYPE_PRECISION"]
        endpoint = workspace.endpoint("photos")
        try:
            for deployment, settings in (("without", []), ("again", []), ("with", recorded)):
                workspace.read(
                    "online-deployment", "create", "--file", workspace.deployment, "--set",
                    "endpoint_name=photos", f"model={_MODEL}", f"name={deployment}", *settings,
                )  # fmt: skip
            seen = _measure(workspace, endpoint, _bodies(folder, options.photos), options)
            shown = workspace.read("online-deployment", "show", "-n", "with", "-e", "photos")
        finally:
            workspace("down")
    print("| data_collector | requests/s | p50 ms | p95 ms | CPU ms a request |")
    print("|---|---|---|---|---|")
    for deployment, found in seen.items():
        columns = (found.rates, found.p50, found.p95, found.cpu)
        cells = [statistics.median(values) for values in columns]
        print(
            f"| {deployment} | {cells[0]:.1f} | {cells[1]:.1f} | {cells[2]:.1f} | {cells[3]:.2f} |"
        )
    print(f"\nMedians of {options.rounds} rounds' ratios, and 95 % intervals:\n")
    print("| | requests/s | p50 | p95 | CPU time of the instance |")
    print("|---|---|---|---|---|")
    off = seen["without"]
    for deployment in ("with", "again"):
        on = seen[deployment]
        pairs = ((on.rates, off.rates), (on.p50, off.p50), (on.p95, off.p95), (on.cpu, off.cpu))
        cells = " | ".join(_ratio(each, other) for each, other in pairs)
        print(f"| {deployment} / without | {cells} |")
    print()
    print(f"samples: {shown['collected']}; load {os.getloadavg()[1]:.1f} after")


def _ratio(each: list[float], other: list[float]) -> str:
    """The median of the rounds' ratios, with its interval."""
    ratios = np.array(each) / np.array(other)
    drawn = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return f"{np.median(ratios):.3f} ({low:.3f} to {high:.3f})"


def _bodies(folder: Path, count: int) -> list[str]:
    paths = []
    for number in range(count):
        cell = base64.b64encode(photo_jpeg(500, 375, number)).decode()
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps({"input_data": [cell]}))
    return [str(path) for path in paths]


def _measure(
    workspace: Workspace, endpoint: Endpoint, bodies: list[str], options: argparse.Namespace
) -> dict[str, _Seen]:
    seen = {"without": _Seen(), "again": _Seen(), "with": _Seen()}
    instances = {name: psutil.Process(workspace.pids("photos", name)[0]) for name in seen}
    for number in range(options.rounds + 1):
        # In turns, so that none is always the second, nor always behind the same.
        names = list(seen) if number % 2 else list(reversed(seen))
        turn = number // 2 % len(names)
        for deployment in names[turn:] + names[:turn]:
            headers = {
                "Authorization": f"Bearer {endpoint.key}",
                "azureml-model-deployment": deployment,
            }
            load = Load(
                endpoint.uri,
                bodies,
                options.seconds,
                connections=options.connections,
                headers=headers,
            )
            before = _cpu_seconds(instances[deployment])
            outcome = run_load(load)
            used = _cpu_seconds(instances[deployment]) - before
            if set(outcome.latencies) != {OK}:
                raise SystemExit(
                    f"{deployment}: { ({k: len(v) for k, v in outcome.latencies.items()}) }"
                )
            if number == 0:
                # Files are read, and the model has found its speed.
                continue
            latencies = outcome.latencies[OK]
            p50, p95 = np.percentile(latencies, [50, 95]) * 1000
            found = seen[deployment]
            found.rates.append(outcome.rate)
            found.p50.append(float(p50))
            found.p95.append(float(p95))
            found.cpu.append(used * 1000 / len(latencies))
    return seen


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
