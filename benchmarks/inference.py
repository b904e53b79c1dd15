"""Scoring speed beside transformers, ONNX Runtime and OpenVINO by hand, in one run on one machine.

    ./run bench inference [--models vit beit clip] [--only scoring decode ...] [--device cuda] [--giant]

JPEG bytes in, probabilities (or features) out, one image and 32 at a time, with the chip's own GEMM
rate as the ceiling; then decoding alone, two processes at once, the start from the cache, and on
request DINOv2-giant. Weights are random, in the real Hub format and size: speed does not depend
on their values. Prints Markdown for RESULTS.md; medians of `--repeats`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from machine import bf16_gemm_rate, int8_gemm_rate, machine, photo_jpeg, quiet
from peers import PEERS
from published import write_published

# Hub id, operations of one forward pass at 224 pixels: twice the multiply-adds of timm's table.
MODELS: dict[str, tuple[str, float]] = {
    "vit": ("google/vit-base-patch16-224", 2 * 17.58e9),
    "beit": ("microsoft/beit-base-patch16-224-pt22k-ft22k", 2 * 17.60e9),
    "clip": ("openai/clip-vit-base-patch32", 2 * 4.41e9),
}
SECTIONS = ("scoring", "decode", "processes", "start")


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32, help="the larger of the two batch sizes")
    parser.add_argument("--giant", action="store_true", help="also DINOv2-giant (4.5 GB of disk)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as scratch:
        os.environ["TINTYPE_HOME"] = str(Path(scratch) / "home")
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        quiet()
        print(f"Machine: {machine(options.device)}\n")
        folders = {
            name: write_published(MODELS[name][0], Path(scratch) / name) for name in options.models
        }
        if "scoring" in options.only:
            for name, folder in folders.items():
                _scoring(name, folder, options)
        if "decode" in options.only:
            _decoding(options.repeats)
        first = next(iter(folders.values()))
        if "processes" in options.only:
            _processes(first, options.repeats)
        if "start" in options.only:
            _start(first, options.repeats)
        if options.giant:
            _giant(Path(scratch))


# JPEG bytes to probabilities ------------------------------------------------------------------


def _scoring(name: str, folder: Path, options: argparse.Namespace) -> None:
    hub_id, operations = MODELS[name]
    images = [photo_jpeg(500, 375, seed) for seed in range(options.batch)]
    rates = {"bf16": bf16_gemm_rate(options.device) / operations}
    if options.device == "cpu":
        rates["int8"] = int8_gemm_rate() / operations
    rows: list[tuple[str, str, list[float]]] = []
    for title, precision, prepare in [*PEERS, *_ours(options.device)]:
        if options.device != "cpu" and ("ONNX" in title or "OpenVINO" in title):
            continue
        answer = prepare(folder, name, options.device, images)
        rows.append((title, precision, _both_sizes(answer, images, options)))
        del answer
    base = rows[0][2]
    print(
        f"| {hub_id}, JPEG 500x375 in | batch 1 | batch {options.batch} "
        "| against the pipeline | of the GEMM ceiling |"
    )
    print("|---|---|---|---|---|")
    for title, precision, (one, many) in rows:
        ceiling = rates.get(precision, rates["bf16"])
        share = f"{many / ceiling:.0%}" if precision in rates else ""
        print(
            f"| {title} | {one:.1f} | {many:.1f} | {one / base[0]:.1f}x, {many / base[1]:.1f}x "
            f"| {share} |"
        )
    for precision, rate in rates.items():
        print(f"| ceiling: {precision} GEMM over the model's operations | | {rate:.1f} | | |")
    print(flush=True)


def _ours(device: str) -> list[tuple[str, str, Any]]:
    def ready(precision: str) -> Any:
        def prepare(folder: Path, name: str, device: str, images: list[bytes]) -> Any:
            from tintype.scoring import Scorer

            calibration = images[:24] if precision == "int8" else None
            scorer = Scorer.load(
                folder,
                task="embeddings" if name == "clip" else None,
                runtime="auto",
                precision=precision,
                device=device,
                calibration=calibration,
                # Random weights put every image's labels within a hair of each other.
                min_agreement=0.0 if precision == "int8" else None,
            )
            return lambda batch: scorer.predict(batch)

        return prepare

    levels = ["fp32", "auto"] if device != "cpu" else ["fp32", "auto", "int8"]
    shown = {"auto": "bf16"}
    return [(f"**Tintype, {level}**", shown.get(level, level), ready(level)) for level in levels]


def _both_sizes(
    answer: Callable[[list[bytes]], Any], images: list[bytes], options: argparse.Namespace
) -> list[float]:
    answer(images[:1])
    answer(images)
    return [
        size
        / _median(
            lambda size=size: answer(images[:size]), options.repeats * (3 if size == 1 else 1)
        )
        for size in (1, len(images))
    ]


# Decoding alone -------------------------------------------------------------------------------


def _decoding(repeats: int) -> None:
    import torch
    from transformers import ViTImageProcessorPil

    from tintype.images.loading import pixels_of
    from tintype.images.preprocess import Preprocessor

    torch.set_num_threads(1)
    processor = ViTImageProcessorPil(size={"height": 224, "width": 224}, resample=3)
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        preprocessor = Preprocessor.from_folder(Path(folder))

    def by_pillow(data: bytes) -> Any:
        import io

        from PIL import Image

        return processor(Image.open(io.BytesIO(data)).convert("RGB"), return_tensors="np")

    def exactly(data: bytes) -> Any:
        pixels = np.ascontiguousarray(pixels_of(data, preprocessor, exact=True))
        return preprocessor.normalize(torch.from_numpy(pixels)[None])

    def quickly(data: bytes) -> Any:
        pixels = np.ascontiguousarray(pixels_of(data, preprocessor, exact=False))
        return preprocessor.normalize(torch.from_numpy(pixels)[None])

    def rate(work: Callable[[bytes], Any], data: bytes, count: int) -> float:
        return count / _median(lambda: [work(data) for _ in range(count)], repeats)

    print(
        "| decode, resize to 224, normalise; one core, images/s | size | Pillow, as transformers "
        "| Tintype, exact | Tintype, fast | fast against Pillow |"
    )
    print("|---|---|---|---|---|---|")
    for width, height in ((500, 375), (1280, 960), (4000, 3000)):
        data = photo_jpeg(width, height, 0)
        count = max(3, int(6e6 / (width * height)))
        pillow, exact, fast = (rate(work, data, count) for work in (by_pillow, exactly, quickly))
        print(
            f"| {width}x{height} | {len(data) / 1000:.0f} KB | {pillow:.1f} | {exact:.1f} "
            f"| {fast:.1f} | {fast / pillow:.1f}x |"
        )
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print(flush=True)


# Two processes, the start, the giant ----------------------------------------------------------

_WORKER = """
import sys, time, numpy as np
from tintype.scoring import Scorer
scorer = Scorer.load(sys.argv[1], runtime="auto", precision="auto")
pixels = np.random.default_rng(0).integers(0, 256, (16, *scorer.preprocessor.input_size, 3), dtype=np.uint8)
scorer.run(pixels)
print("ready", flush=True)
sys.stdin.readline()
end, count = time.perf_counter() + float(sys.argv[2]), 0
start = time.perf_counter()
while time.perf_counter() < end:
    scorer.run(pixels)
    count += len(pixels)
print(count / (time.perf_counter() - start), flush=True)
"""


def _processes(folder: Path, repeats: int) -> None:
    alone, together = [], []
    for _ in range(min(repeats, 3)):
        alone.append(sum(_run_workers(folder, 1)))
        together.append(sum(_run_workers(folder, 2)))
    one, two = statistics.median(alone), statistics.median(together)
    print("| Scorers on one machine, no thread settings | images/s | of one alone |")
    print("|---|---|---|")
    print(
        f"| one process | {one:.1f} | |\n| two processes, together | {two:.1f} | {two / one:.0%} |\n"
    )


def _run_workers(folder: Path, count: int, seconds: float = 8.0) -> list[float]:
    import subprocess

    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(folder), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "ready"
    answers = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        answers.append(float(worker.communicate()[0].strip()))
    return answers


_START = """
import sys
from tintype.scoring import Scorer
scorer = Scorer.load(sys.argv[1], runtime="auto", precision="auto")
scorer.predict([open(sys.argv[2], "rb").read()])
"""


def _start(folder: Path, repeats: int) -> None:
    import subprocess

    photo = folder.parent / "photo.jpg"
    photo.write_bytes(photo_jpeg(500, 375, 0))
    command = [sys.executable, "-c", _START, str(folder), str(photo)]
    first = _median(lambda: subprocess.run(command, check=True), 1)
    later = _median(lambda: subprocess.run(command, check=True), repeats)
    print("| process start to first answer | seconds |\n|---|---|")
    print(f"| first time: converted, checked against fp32, kept (or found) | {first:.1f} |")
    print(f"| from the cache | {later:.1f} |\n", flush=True)


_GIANT = """
import re, sys, time
start = time.perf_counter()
import numpy as np
from tintype.scoring import Scorer
# Not getrusage, whose peak outlives exec: it would be that of the process that wrote the model.
peak_mb = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
scorer = Scorer.load(sys.argv[1], runtime="auto", precision="bf16")
loaded = time.perf_counter() - start
peak = peak_mb()
image = np.zeros((300, 400, 3), np.uint8)
numbers = len(scorer.predict([image])[0].features)
times = []
for _ in range(3):
    begin = time.perf_counter()
    scorer.predict([image])
    times.append(time.perf_counter() - begin)
last = peak_mb()
print(loaded, peak, last, sorted(times)[1], numbers)
"""


def _giant(scratch: Path) -> None:
    import subprocess

    from published import count_published

    name = "facebook/dinov2-giant"
    folder = write_published(name, scratch / "giant")
    done = subprocess.run(
        [sys.executable, "-c", _GIANT, str(folder)], check=True, capture_output=True, text=True
    )
    loaded, peak, last, seconds, numbers = (float(word) for word in done.stdout.split())
    weights = count_published(name) * 2 / 2**20
    print(f"| {name}, bf16 on the CPU | |\n|---|---|")
    print(f"| weights in bf16 | {weights:.0f} MB |")
    print(f"| peak of the whole process while loading | {peak:.0f} MB, {peak / weights:.2f}x |")
    print(f"| peak after three answers | {last:.0f} MB, {last / weights:.2f}x |")
    print(f"| loading | {loaded:.1f} s |")
    print(f"| one image, {numbers:.0f} numbers | {seconds:.2f} s |\n", flush=True)


def _median(work: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
