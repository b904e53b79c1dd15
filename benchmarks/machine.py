"""What every benchmark needs of the machine: its name, its GEMM rates, and photos to work on."""

from __future__ import annotations

import io
import logging
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["bf16_gemm_rate", "int8_gemm_rate", "machine", "photo_jpeg", "quiet"]

# Rows and sides of ViT-B's products at batch 32.
_SHAPES = ((32 * 197, 768, 3072), (32 * 197, 3072, 768), (32 * 197, 768, 2304), (4096, 4096, 4096))


def machine(device: str = "cpu") -> str:
    """Processor (and GPU), cores, system and torch, in a line."""
    import torch

    name = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    flags = cpu.read_text() if cpu.exists() else ""
    kinds = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512_vnni") if flag in flags]
    gpu = f", {torch.cuda.get_device_name()}" if device.startswith("cuda") else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name} ({', '.join(kinds) or 'no fast bf16'}), {cores} cores{gpu}, torch {torch.__version__}"


def bf16_gemm_rate(device: str) -> float:
    """Operations a second: the best of the shapes, by torch and, on the CPU, by OpenVINO."""
    import torch

    rates = []
    for rows, inner, columns in _SHAPES:
        operations = 2 * rows * inner * columns
        left = torch.randn(rows, inner, dtype=torch.bfloat16, device=device)
        right = torch.randn(columns, inner, dtype=torch.bfloat16, device=device)
        with torch.inference_mode():
            rates.append(operations / _time(lambda: _synced(left, right), 10))  # noqa: B023
        if device == "cpu":
            rates.append(operations / _openvino_product(rows, inner, columns, "bf16"))
    return max(rates)


def int8_gemm_rate() -> float:
    """Operations a second of OpenVINO's 8-bit products, the best of the shapes."""
    return max(
        2 * rows * inner * columns / _openvino_product(rows, inner, columns, "int8")
        for rows, inner, columns in _SHAPES
    )


def photo_jpeg(width: int, height: int, seed: int) -> bytes:
    """A JPEG with the spectrum of photographs (1/f), quality 88, 4:2:0; always the same."""
    from PIL import Image

    random = np.random.default_rng([seed, width])
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequencies[0, 0] = 1.0
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(random.standard_normal((height, width)).astype(np.float32))
        plane = np.fft.irfft2(noise / frequencies**1.1, s=(height, width))
        planes.append((plane - plane.mean()) / plane.std())
    # Brightness varies more than colour, as outdoors.
    luma, first, second = planes
    colours = np.stack(
        [luma + 0.25 * first, luma - 0.12 * first - 0.12 * second, luma + 0.25 * second], -1
    )
    image = Image.fromarray((127 + 48 * colours).clip(0, 255).astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def quiet() -> None:
    """Keep peers' notices out of the tables."""
    warnings.simplefilter("ignore")
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in ("nncf", "mlflow", "httpx"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _synced(left: Any, right: Any) -> None:
    import torch

    torch.nn.functional.linear(left, right)
    if left.is_cuda:
        torch.cuda.synchronize()


def _openvino_product(rows: int, inner: int, columns: int, precision: str) -> float:
    """Seconds of one product in OpenVINO, its result reduced so that nothing large is copied out."""
    import openvino
    from openvino import opset13 as ops

    random = np.random.default_rng(0)
    given = ops.parameter([rows, inner], openvino.Type.f32)
    weights = ops.constant(random.standard_normal((columns, inner)).astype(np.float32))
    left, right = given, weights
    if precision == "int8":
        low, high = np.float32(-4), np.float32(4)
        left = ops.fake_quantize(given, low, high, low, high, 256)
        right = ops.fake_quantize(weights, low, high, low, high, 255)
    product = ops.matmul(left, right, False, True)
    largest = ops.reduce_max(product, ops.constant(np.array([0, 1])), keep_dims=False)
    compiled = openvino.Core().compile_model(
        openvino.Model([largest], [given]),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": len(os.sched_getaffinity(0)),
        },
    )
    request = compiled.create_infer_request()
    values = random.standard_normal((rows, inner)).astype(np.float32)
    return _time(lambda: request.infer([values], share_inputs=True), 10)


def _time(work: Callable[[], Any], repeats: int) -> float:
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
