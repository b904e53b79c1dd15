"""Images on disk to predictions on disk: Tintype beside transformers' pipeline and Ray Data.

    ./run bench batch [--parts speed growth resume ray] [--models vit clip] [--images 256] [--repeats 3]

speed: the same JPEGs of 500x375 and the same checkpoint for everyone; each system is a process of its
own, timed from its loaded model to its last byte; the Scorer's own rate, over pixels in memory, runs
beside them. growth: 1,000 to 100,000 images with a tiny model, so that it is Tintype that is measured,
not the model. resume: killed with kill -9 at half way, and run again. ray: a cluster of this machine,
one node of one core against two. Weights are random, in the real Hub format and size.
Prints Markdown for RESULTS.md; medians of `--repeats`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from machine import machine, photo_jpeg, quiet
from published import write_published

MODELS = {
    "vit": ("google/vit-base-patch16-224", ()),
    "clip": ("openai/clip-vit-base-patch32", ("a cat", "a dog", "a red can", "a blue carton")),
}
SYSTEMS = {
    "tintype": "**Tintype**, Parquet",
    "tintype-csv": "**Tintype**, Azure's CSV",
    "tintype-int8": "**Tintype**, int8 after calibration",
    "pipeline": "transformers pipeline, its defaults",
    "pipeline-32": "transformers pipeline, batch_size=32",
    "ray": "Ray Data, transformers in an actor, batches of 32",
    "ray-bf16": "the same in bf16",
    "scorer": "ceiling: our Scorer over pixels in memory",
}
PARTS = ("speed", "growth", "resume", "ray")
_DIFFERENT = 32


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--images", type=int, default=256, help="of the part speed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--resume-images", type=int, default=2048)
    parser.add_argument("--ray-images", type=int, default=512)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as scratch:
        folder = Path(scratch)
        os.environ["TINTYPE_HOME"] = str(folder / "home")
        for part in options.parts:
            {"speed": _speed, "growth": _growth, "resume": _resume, "ray": _ray}[part](
                folder, options
            )


# Parts ---------------------------------------------------------------------------------------------


def _speed(folder: Path, options: argparse.Namespace) -> None:
    """Images a second of every system."""
    images = _photos(folder / "speed", options.images)
    for name in options.models:
        hub_id, labels = MODELS[name]
        checkpoint = _checkpoint(folder, name)
        rates: dict[str, list[float]] = {system: [] for system in options.systems}
        for _ in range(options.repeats):
            for system in options.systems:
                rates[system].append(_rate(system, checkpoint, images, folder / "out", labels))
                _say(f"{name}, {system}: {rates[system][-1]:.2f} images/s")
        medians = {system: statistics.median(found) for system, found in rates.items()}
        slowest = medians.get("pipeline")
        ceiling = medians.get("scorer")
        print(
            f"| {hub_id}, {options.images} JPEGs of 500x375 | images/s | against the pipeline "
            "| of the Scorer's own rate |"
        )
        print("|---|---|---|---|")
        for system, rate in medians.items():
            against = f"{rate / slowest:.1f}x" if slowest else ""
            share = (
                f"{rate / ceiling:.0%}" if ceiling and system in ("tintype", "tintype-csv") else ""
            )
            print(f"| {SYSTEMS[system]} | {rate:.1f} | {against} | {share} |")
        print(flush=True)


def _growth(folder: Path, options: argparse.Namespace) -> None:
    """Memory and time as a batch grows."""
    from checkpoints import write_checkpoint

    checkpoint = write_checkpoint(folder / "tiny")
    print("| a tiny ViT, JPEGs of 500x375 | seconds | images/s | peak memory |")
    print("|---|---|---|---|")
    for count in options.growth:
        images = _photos(folder / f"growth-{count}", count)
        peaks, times = [], []
        for _ in range(options.repeats if count < 50_000 else 1):
            found = _worker("tintype", checkpoint, images, folder / "out", ())
            peaks.append(found["peak"] / 1e6)
            times.append(found["work"])
        seconds = statistics.median(times)
        print(
            f"| {count:,} | {seconds:.1f} | {count / seconds:.0f} "
            f"| {statistics.median(peaks):.0f} MB |",
            flush=True,
        )
        shutil.rmtree(images)
    print()


def _resume(folder: Path, options: argparse.Namespace) -> None:
    """What a kill at half way costs."""
    checkpoint = _checkpoint(folder, "vit")
    images = _photos(folder / "resume", options.resume_images)
    whole, killed = [], []
    for _ in range(options.repeats):
        whole.append(_uninterrupted(checkpoint, images, folder / "whole"))
        killed.append(_interrupted(checkpoint, images, folder / "killed"))
        same = _contents(folder / "whole") == _contents(folder / "killed")
        _say(f"{whole[-1]:.1f} s whole, {killed[-1]:.1f} s killed and resumed, same: {same}")
        if not same:
            raise SystemExit("the outputs differ")
    ratio = statistics.median(b / a for a, b in zip(whole, killed, strict=True))
    print(f"| {options.resume_images:,} images, ViT-B/16 | seconds, with start and load |")
    print("|---|---|")
    print(f"| uninterrupted | {statistics.median(whole):.1f} |")
    print(
        f"| kill -9 at half way, run again | {statistics.median(killed):.1f}, "
        f"{ratio - 1:+.1%}; the same bytes |\n",
        flush=True,
    )


def _ray(folder: Path, options: argparse.Namespace) -> None:
    """One node of one core against two."""
    from ray.cluster_utils import Cluster

    checkpoint = _checkpoint(folder, "vit")
    images = _photos(folder / "ray", options.ray_images)
    memory = {"object_store_memory": 100 * 1024 * 1024}
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.repeats):
        for nodes, found in rates.items():
            cluster: Any = Cluster(
                initialize_head=True,
                head_node_args={"num_cpus": 0, "include_dashboard": False, **memory},
            )
            for _ in range(nodes):
                cluster.add_node(num_cpus=1, **memory)
            cluster.wait_for_nodes()
            command = _command(
                checkpoint,
                images,
                folder / "out",
                "--compute",
                "ray",
                "--instance-count",
                str(nodes),
            )
            _clear(folder / "out")
            environment = {**os.environ, "RAY_ADDRESS": cluster.address}
            subprocess.run(command, env=environment, check=True, capture_output=True)
            summary = json.loads((folder / "out" / "summary.json").read_text())
            found.append(summary["images_per_second"])
            _say(f"{nodes} nodes: {found[-1]:.2f} images/s")
            cluster.shutdown()
    one, two = (statistics.median(found) for found in rates.values())
    print(
        f"| Ray, {options.ray_images} images, ViT-B/16, the actors' start included | images/s | |"
    )
    print("|---|---|---|")
    print(f"| 1 node of 1 core | {one:.2f} | |")
    print(f"| 2 nodes of 1 core | {two:.2f} | {two / one:.2f}x |\n", flush=True)


# Processes -----------------------------------------------------------------------------------------


def _rate(system: str, checkpoint: Path, images: Path, out: Path, labels: tuple[str, ...]) -> float:
    found = _worker(system, checkpoint, images, out, labels)
    return float(found["images"] / found["work"])


def _worker(
    system: str, checkpoint: Path, images: Path, out: Path, labels: tuple[str, ...]
) -> dict[str, float]:
    """One system in a process of its own; see batch_peers.py."""
    _clear(out)
    script = Path(__file__).with_name("batch_peers.py")
    done = subprocess.run(
        [sys.executable, script, system, checkpoint, images, out, json.dumps(labels)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{system} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _command(checkpoint: Path, images: Path, out: Path, *options: str) -> list[str]:
    script = str(Path(sys.executable).with_name("tintype"))
    return [script, "batch", str(images), str(out), "-m", str(checkpoint), *options]


def _uninterrupted(checkpoint: Path, images: Path, out: Path) -> float:
    _clear(out)
    begun = time.perf_counter()
    subprocess.run(_command(checkpoint, images, out), check=True, capture_output=True)
    return time.perf_counter() - begun


def _interrupted(checkpoint: Path, images: Path, out: Path) -> float:
    """Killed when half of its shards are committed, then run to the end."""
    _clear(out)
    begun = time.perf_counter()
    process = subprocess.Popen(
        _command(checkpoint, images, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    plan, shards = out / ".batch" / "plan.json", out / ".batch" / "shards"
    while process.poll() is None:
        if plan.exists() and shards.exists():
            total = len(json.loads(plan.read_text())["shards"])
            if len(list(shards.glob("*.json"))) >= total / 2:
                process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    subprocess.run(_command(checkpoint, images, out), check=True, capture_output=True)
    return time.perf_counter() - begun


def _contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "predictions").iterdir()}


def _clear(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)


def _checkpoint(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        write_published(MODELS[name][0], path)
    return path


def _photos(folder: Path, count: int) -> Path:
    """`count` JPEGs, of which 32 differ; the others are links to them."""
    folder.mkdir()
    first = [folder / f"{n:06d}.jpg" for n in range(min(count, _DIFFERENT))]
    for n, path in enumerate(first):
        path.write_bytes(photo_jpeg(500, 375, n))
    for n in range(len(first), count):
        os.link(first[n % _DIFFERENT], folder / f"{n:06d}.jpg")
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
