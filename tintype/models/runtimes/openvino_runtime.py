"""OpenVINO on CPUs: converting a network to its graph, and running the graph."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError
from tintype.models.runtimes.choice import Precision
from tintype.quiet import quiet_transformers

__all__ = ["OpenvinoRuntime", "convert_to_openvino", "quiet_openvino"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenvinoRuntime:
    """Runs a graph of one input; may be called from several threads."""

    def __init__(
        self, graph: Path, precision: Precision, *, threads: int, fast_bf16: bool = False
    ) -> None:
        """
        Args:
            graph: the `.xml` file; its weights lie beside it.
            fast_bf16: for int8: what is not quantised computes in bf16.

        Raises:
            CheckpointError: the graph is damaged.
        """
        quiet_openvino()
        self._graph = graph
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS.get(precision, "bf16" if fast_bf16 else "f32"),
            "NUM_STREAMS": 1,
            # Pinned to the same cores, two processes would wait for each other.
            "ENABLE_CPU_PINNING": False,
        }
        self._compile(threads)

    def set_threads(self, count: int) -> None:
        """See `Runtime`."""
        self._compile(count)

    def _compile(self, threads: int) -> None:
        import openvino

        options = {**self._options, "INFERENCE_NUM_THREADS": threads}
        try:
            self._compiled: Any = openvino.Core().compile_model(self._graph, "CPU", options)
        except RuntimeError as error:
            raise CheckpointError(
                f"the graph {self._graph} cannot be used: {_reason(error)}"
            ) from None
        self._requests = threading.local()

    def run(self, values: np.ndarray) -> np.ndarray:
        """One pass: pixels uint8 (n, height, width, 3), or token ids, -> float32 (n, D)."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        request.infer([values], share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)


def convert_to_openvino(network: Any, example: Any, path: Path, shape: list[int]) -> None:
    """Write `network`, traced on the tensor `example`, as an OpenVINO graph with full weights.

    Args:
        shape: of the input, -1 where it may be any size.

    Raises:
        CheckpointError: OpenVINO cannot express the network.
    """
    quiet_openvino()
    import openvino
    import torch

    try:
        with torch.no_grad(), warnings.catch_warnings(), quiet_transformers():
            # Tracing warns of each Python condition on a shape; the shapes here are fixed. It also
            # looks at every attribute of the network, the unused loss among them.
            warnings.simplefilter("ignore")
            graph = openvino.convert_model(network, example_input=example)
        graph.reshape(shape)
        openvino.save_model(graph, path, compress_to_fp16=False)
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise CheckpointError(f"OpenVINO cannot convert the network: {_reason(error)}") from None


def quiet_openvino() -> None:
    """Keep OpenVINO and NNCF from reporting usage to their makers; nothing leaves this machine."""
    if "openvino_telemetry" not in sys.modules:
        # Both go on without the package, as if it were not installed.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    os.environ.setdefault("NNCF_CI", "1")


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
