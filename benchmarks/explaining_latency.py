"""What explanations under way cost plain scoring of the same endpoint.

    ./run bench explaining_latency [--rounds 5] [--seconds 8] [--method xrai] [--network vit]

One deployment with one instance; one connection asks for plain scores all the time, in every second round beside another
that asks for explanations. `vit` is ViT-B/16 in its published size with random weights, `lite0` EfficientNet-Lite0
with real ones. Beside it the time of the largest batch that the deployment makes, by which an explanation may delay a
request at most (issue 20). Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from explanations import MODEL, seconds_of, write_network
from load import OK, Load, run_load
from machine import machine, photo_jpeg
from online import Endpoint, Workspace

import tintype

_TIMEOUT_MS = 180_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--method", default="xrai")
    parser.add_argument("--network", choices=("vit", "lite0"), default="vit")
    options = parser.parse_args()
    print(f"Machine: {machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = (
            MODEL if options.network == "lite0" else str(write_network(folder / "network", "ViT"))
        )
        print(f"{options.network}: {largest_batch(model)}\n")
        workspace = Workspace(folder)
        for setting in ("TINTYPE_PRECISION", "TINTYPE_RUNTIME"):
            del workspace.environment[setting]
        endpoint = workspace.endpoint("photos")
        try:
            workspace.read(
                "online-deployment", "create", "--file", workspace.deployment, "--set", "endpoint_name=photos",
                f"model={model}", "name=demo", f"request_settings.request_timeout_ms={_TIMEOUT_MS}",
                "--all-traffic",
            )  # fmt: skip
            measure(endpoint, folder, options)
        finally:
            workspace("down")


def largest_batch(model: str) -> str:
    """The median time of a pass of as many images as a deployment joins at most."""
    scorer = tintype.Scorer.load(model)
    images = np.zeros((scorer.batch_size, *scorer.preprocessor.input_size, 3), np.uint8)
    whole = seconds_of(lambda: scorer.run(images), 5) * 1000
    one = seconds_of(lambda: scorer.run(images[:1]), 9) * 1000
    return f"a pass of {scorer.batch_size} images takes {whole:.0f} ms, one of a single image {one:.0f} ms"


def measure(endpoint: Endpoint, folder: Path, options: argparse.Namespace) -> None:
    """Rounds alone and beside explanations, in turns."""
    photo = base64.b64encode(photo_jpeg(500, 375, 0)).decode()
    plain = folder / "plain.json"
    plain.write_text(json.dumps({"input_data": [photo]}))
    wanted = {
        "image_base64": photo,
        "model_explainability": True,
        "xai_parameters": {"xai_algorithm": options.method},
    }
    explained = folder / "explained.json"
    explained.write_text(json.dumps({"input_data": [json.dumps(wanted)]}))
    headers = {"Authorization": f"Bearer {endpoint.key}"}

    def load(path: Path, seconds: float) -> Load:
        return Load(
            endpoint.uri,
            [str(path)],
            seconds,
            connections=1,
            headers=headers,
            timeout=_TIMEOUT_MS / 1000,
        )

    # The network in torch is loaded by the first explanation.
    answered(run_load(load(explained, 0.1)).latencies)
    answered(run_load(load(plain, 2)).latencies)
    alone: list[float] = []
    beside: list[float] = []
    explanations: list[float] = []
    for _ in range(options.rounds):
        alone += answered(run_load(load(plain, options.seconds)).latencies)
        thread = threading.Thread(
            target=lambda: explanations.extend(
                answered(run_load(load(explained, options.seconds)).latencies)
            )
        )
        thread.start()
        beside += answered(run_load(load(plain, options.seconds)).latencies)
        thread.join()
    print("| plain scoring, one connection | requests | p50 ms | p95 ms | p99 ms | most ms |")
    print("|---|---|---|---|---|---|")
    for title, found in (("alone", alone), (f"beside {options.method}", beside)):
        p50, p95, p99 = np.percentile(found, [50, 95, 99]) * 1000
        print(
            f"| {title} | {len(found)} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {max(found) * 1000:.0f} |"
        )
    print(
        f"\nan explanation takes {statistics.median(explanations):.2f} s ({len(explanations)} answered)"
    )


def answered(latencies: dict[str, list[float]]) -> list[float]:
    """Seconds of the requests, all of which were answered."""
    if set(latencies) != {OK}:
        raise SystemExit(f"answers: { ({k: len(v) for k, v in latencies.items()}) }")
    return latencies[OK]


if __name__ == "__main__":
    main()
