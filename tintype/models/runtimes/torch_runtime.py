"""torch, eager or compiled; on CUDA the passes of a few batch sizes are recorded once and replayed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import nn

from tintype.models.runtimes.choice import Precision
from tintype.settings import get_settings

__all__ = ["TorchRuntime"]

# Batches are padded up to the next of these on CUDA, so that few graphs serve every size.
_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)


class TorchRuntime:
    """Runs an ImageNetwork; may be called from several threads."""

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        precision: Precision,
        *,
        own: bool = True,
        compiled: bool = False,
    ) -> None:
        """
        Args:
            compiled: through torch.compile, whose code is kept in the workspace's cache.
            own: False leaves the weights as they are (someone else still needs them) and computes
                in bf16 by autocast.
        """
        self._device = device
        self._autocast = precision == "bf16" and not own
        if precision == "bf16" and own:
            buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
            network.to(torch.bfloat16)
            # Normalisation's constants stay exact: they meet the pixels in float32.
            for name in ("scale", "shift"):
                setattr(network, name, buffers[name])
        self._network: Callable[[torch.Tensor], torch.Tensor] = network.to(device).eval()
        if compiled:
            cache = get_settings().home / "cache" / "inductor"
            os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
            # One code for every batch size; on CUDA the recorded sizes are few and each its own.
            self._network = torch.compile(network, dynamic=device.type != "cuda")
        self._graphs: dict[int, _RecordedPass] = {}
        self._recording = threading.Lock()

    @torch.no_grad()
    def run(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (n, height, width, 3) -> float32 (n, D)."""
        batch = torch.from_numpy(pixels)
        if self._device.type == "cuda":
            return self._run_recorded(batch)
        with self._precision():
            return self._network(batch).float().numpy()

    def set_threads(self, count: int) -> None:
        """See `Runtime`."""
        if self._device.type == "cpu":
            torch.set_num_threads(count)

    def _precision(self) -> AbstractContextManager[object]:
        if not self._autocast:
            return nullcontext()
        return torch.autocast(self._device.type, torch.bfloat16)

    def _run_recorded(self, batch: torch.Tensor) -> np.ndarray:
        rows = []
        for part in batch.split(_BUCKETS[-1]):
            size = next(bucket for bucket in _BUCKETS if bucket >= len(part))
            # One pass at a time: a recorded pass has one place for its input.
            with self._recording, self._precision():
                if size not in self._graphs:
                    self._graphs[size] = _RecordedPass(self._network, part, size, self._device)
                rows.append(self._graphs[size].run(part))
        return np.concatenate(rows)


class _RecordedPass:
    """A CUDA graph of the network for one batch size."""

    def __init__(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        example: torch.Tensor,
        size: int,
        device: torch.device,
    ) -> None:
        self._input = torch.zeros((size, *example.shape[1:]), dtype=torch.uint8, device=device)
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            # Libraries choose their kernels and take their workspaces before the recording.
            for _ in range(3):
                network(self._input)
        torch.cuda.current_stream(device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = network(self._input).float()

    def run(self, part: torch.Tensor) -> np.ndarray:
        self._input[: len(part)].copy_(part)
        self._graph.replay()
        return self._output[: len(part)].cpu().numpy()
