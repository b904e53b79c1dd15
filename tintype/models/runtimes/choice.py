"""Which runtime, precision and device a model should run on, decided once and written down."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tintype.errors import MissingExtraError, UsageError
from tintype.models.hardware import has_fast_bf16, pick_device
from tintype.settings import get_settings

__all__ = ["TORCH", "Precision", "RuntimeChoice", "RuntimeName", "choose_runtime"]

RuntimeName = Literal["torch", "torch-compile", "openvino", "onnxruntime"]
Precision = Literal["fp32", "bf16", "int8"]

RUNTIMES: tuple[RuntimeName, ...] = ("torch", "torch-compile", "openvino", "onnxruntime")
TORCH: tuple[RuntimeName, ...] = ("torch", "torch-compile")
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")

# Converting holds several copies of the weights; above this, one copy in memory counts for more.
_MOST_CONVERTED = 600_000_000


@dataclass(frozen=True)
class RuntimeChoice:
    """What runs a model; `reason` says why, for people."""

    runtime: RuntimeName
    precision: Precision
    device: str
    reason: str
    threads: int = 1
    """CPU threads of one pass."""

    def shown(self) -> dict[str, Any]:
        """The choice as reports and commands print it."""
        return asdict(self)


def choose_runtime(
    runtime: str,
    precision: str,
    device: str,
    *,
    parameters: int = 0,
    threads: int | None = None,
) -> RuntimeChoice:
    """Settle every "auto".

    Args:
        parameters: of the model; a very large one is not converted unless that is asked for.
        threads: None takes the setting of this machine.

    Raises:
        UsageError: no such runtime, precision or device, or a combination that does not exist.
        MissingExtraError: a runtime that is not installed.
    """
    if runtime not in ("auto", *RUNTIMES):
        raise UsageError(f"runtime {runtime!r}: expected auto, {', '.join(RUNTIMES)}")
    if precision not in ("auto", *PRECISIONS):
        raise UsageError(f"precision {precision!r}: expected auto, {', '.join(PRECISIONS)}")
    place = pick_device(device)
    chosen, why = _runtime(runtime, precision, place.type, parameters)
    level, why_level = _precision(precision, chosen, has_fast_bf16(place))
    if chosen not in TORCH and place.type != "cpu":
        raise UsageError(f"runtime {chosen!r} runs on the CPU here; use torch for {device!r}")
    if level == "int8" and chosen != "openvino":
        raise UsageError(f"precision 'int8' needs the runtime openvino, not {chosen!r}")
    if level == "bf16" and chosen == "onnxruntime":
        raise UsageError("ONNX Runtime has no bf16 on CPUs: use precision fp32, or openvino")
    if chosen not in TORCH and importlib.util.find_spec(chosen) is None:
        raise MissingExtraError(
            f"runtime {chosen!r}", "onnx" if chosen == "onnxruntime" else chosen
        )
    if chosen == "torch-compile" and place.type == "cpu" and not _has_compiler():
        raise UsageError("runtime 'torch-compile' needs a C++ compiler (g++ or clang++); use torch")
    count = threads or get_settings().cpu_threads
    return RuntimeChoice(chosen, level, str(place), f"{why}; {why_level}", count)


def _has_compiler() -> bool:
    names = (os.environ.get("CXX", ""), "g++", "clang++")
    return sys.platform != "linux" or any(name and shutil.which(name) for name in names)


def _runtime(runtime: str, precision: str, device: str, parameters: int) -> tuple[RuntimeName, str]:
    for name in RUNTIMES:
        if runtime == name:
            return name, f"{name} was asked for"
    if device != "cpu":
        return "torch", f"torch runs on {device}"
    if precision == "int8":
        return "openvino", "int8 runs in OpenVINO"
    if importlib.util.find_spec("openvino") is None:
        return "torch", "torch, for OpenVINO is not installed (pip install 'tintype[openvino]')"
    if parameters > _MOST_CONVERTED:
        return "torch", f"torch, for {parameters:,} parameters are too many to hold twice"
    return "openvino", "OpenVINO is the fastest on CPUs (benchmarks/RESULTS.md)"


def _precision(precision: str, runtime: RuntimeName, fast_bf16: bool) -> tuple[Precision, str]:
    for level in PRECISIONS:
        if precision == level:
            return level, f"{level} was asked for"
    if runtime == "onnxruntime":
        return "fp32", "fp32 is what ONNX Runtime has on CPUs"
    if fast_bf16:
        return "bf16", "bf16 is faster on this chip (AMX, AVX512-BF16 or CUDA)"
    return "fp32", "fp32, for this chip has no fast bf16"
