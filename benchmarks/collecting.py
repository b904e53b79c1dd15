"""What recording costs an endpoint: one model deployed twice, with and without `data_collector`.

    ./run bench collecting [--rounds 8] [--seconds 5] [--connections 8] [--photos 400]

Both deployments wait on the same machine and are asked in turn, so that what else the machine does meets both.
All requests are recorded, picture and answer; photos differ, so that each is written. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--photos", type=int, default=400)
    options = parser.parse_args()
    print(f"Machine: {machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder)
        del workspace.environment["TINTYPE_PRECISION"]
        endpoint = workspace.endpoint("photos")
        try:
            for deployment, settings in (("without", []), ("with", _RECORDED)):
                workspace.read(
                    "online-deployment", "create", "--file", workspace.deployment, "--set",
                    "endpoint_name=photos", f"model={_MODEL}", f"name={deployment}", *settings,
                )  # fmt: skip
            seen = _measure(endpoint, _bodies(folder, options.photos), options)
        finally:
            workspace("down")
        files = list((folder / "home" / "collected").glob("**/pictures/*/*"))
        log = (folder / "home").glob("endpoints/photos/deployments/with/logs/*.log")
        dropped = [
            line for path in log for line in path.read_text().splitlines() if "dropped" in line
        ]
    print("| data_collector | requests/s | p50 ms | p95 ms |")
    print("|---|---|---|---|")
    for deployment, found in seen.items():
        cells = [statistics.median(values) for values in (found.rates, found.p50, found.p95)]
        print(f"| {deployment} | {cells[0]:.1f} | {cells[1]:.1f} | {cells[2]:.1f} |")
    ratios = [a / b for a, b in zip(seen["with"].rates, seen["without"].rates, strict=True)]
    print(
        f"\nrate with / without: median {statistics.median(ratios):.3f} of {len(ratios)} rounds "
        f"({min(ratios):.3f} to {max(ratios):.3f}); {len(files)} pictures written; "
        f"{dropped or 'nothing'} dropped"
    )


def _bodies(folder: Path, count: int) -> list[str]:
    paths = []
    for number in range(count):
        cell = base64.b64encode(photo_jpeg(500, 375, number)).decode()
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps({"input_data": [cell]}))
    return [str(path) for path in paths]


def _measure(
    endpoint: Endpoint, bodies: list[str], options: argparse.Namespace
) -> dict[str, _Seen]:
    seen = {"without": _Seen(), "with": _Seen()}
    for number in range(options.rounds + 1):
        # In turns, so that neither is always the second.
        order = list(seen) if number % 2 else list(reversed(seen))
        for deployment in order:
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
            outcome = run_load(load)
            if set(outcome.latencies) != {OK}:
                raise SystemExit(
                    f"{deployment}: { ({k: len(v) for k, v in outcome.latencies.items()}) }"
                )
            if number == 0:
                # Files are read, and the model has found its speed.
                continue
            p50, p95 = np.percentile(outcome.latencies[OK], [50, 95]) * 1000
            found = seen[deployment]
            found.rates.append(outcome.rate)
            found.p50.append(float(p50))
            found.p95.append(float(p95))
    return seen


if __name__ == "__main__":
    main()
