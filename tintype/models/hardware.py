"""What this machine's chips can do."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import torch

from tintype.errors import UsageError

__all__ = ["autocast_dtype", "chip_features", "has_fast_bf16", "pick_device"]


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA where there is one, else the CPU.

    Where several tasks share a GPU (`compute.local_pool` says so), this one keeps to its part of the memory.

    Raises:
        UsageError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"device {name!r}: expected auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r}: there is no CUDA device here; use auto or cpu")
    share = os.environ.get("TINTYPE_GPU_SHARE")
    if share and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(float(share))
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bf16 matrices faster than fp32: AMX, AVX512-BF16, CUDA 8.0+."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and not {"amx_bf16", "avx512_bf16"}.isdisjoint(chip_features())


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """What autocast should compute in for fp32 (None), bf16 or auto.

    Raises:
        UsageError: no such precision.
    """
    if precision not in ("fp32", "bf16", "auto"):
        raise UsageError(f"precision {precision!r}: expected fp32, bf16 or auto")
    if precision == "bf16" or (precision == "auto" and has_fast_bf16(device)):
        return torch.bfloat16
    return None


@lru_cache(maxsize=1)
def chip_features() -> frozenset[str]:
    """The CPU's flags as Linux names them, such as `amx_bf16`; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
