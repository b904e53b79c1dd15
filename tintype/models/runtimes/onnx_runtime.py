"""ONNX Runtime on CPUs: exporting a network to ONNX, and running it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError

__all__ = ["OnnxRuntime", "convert_to_onnx"]

_OPSET = 17


class OnnxRuntime:
    """Runs an ONNX graph of one input and one output; may be called from several threads."""

    def __init__(self, graph: Path, *, threads: int) -> None:
        """
        Raises:
            CheckpointError: the graph is damaged.
        """
        self._graph = graph
        self.set_threads(threads)

    def set_threads(self, count: int) -> None:
        """See `Runtime`."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = count
        # Idle threads sleep instead of spinning, so that a second process gets the cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(self._graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # Its errors have no common type.
            raise CheckpointError(f"the graph {self._graph} cannot be used: {error}") from None
        self._input = self._session.get_inputs()[0].name

    def run(self, values: np.ndarray) -> np.ndarray:
        """One pass: pixels uint8 (n, height, width, 3), or token ids, -> float32 (n, D)."""
        return np.asarray(self._session.run(None, {self._input: values})[0], np.float32)


def convert_to_onnx(
    network: Any, example: Any, path: Path, *, input_name: str, output_name: str
) -> None:
    """Write `network`, traced on the tensor `example`, as ONNX; the batch size stays free."""
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # The older exporter: the dynamo one fails on BEiT with a free batch size (docs/design.md).
        torch.onnx.export(
            network,
            (example,),
            str(path),
            input_names=[input_name],
            output_names=[output_name],
            dynamic_axes={input_name: {0: "batch"}, output_name: {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
