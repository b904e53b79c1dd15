"""The rows of a batch, gathered while the batch before them is computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from tintype.training.inputs import Inputs

__all__ = ["Gatherer"]


class Gatherer:
    """A thread that gathers ahead."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="gather")

    def ahead(self, inputs: Inputs, rows: np.ndarray, epoch: int = 0) -> Callable[[], torch.Tensor]:
        """What gives the arrays of `rows`, gathered meanwhile where that takes nothing from the model."""
        if inputs.computes:
            return lambda: inputs.gather(rows, epoch)
        return self._executor.submit(inputs.gather, rows, epoch).result

    def close(self) -> None:
        """Gather no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
