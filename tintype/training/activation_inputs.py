"""What the frozen layers make of images, kept in a file: several views of each, drawn anew by augmentation.

A view is computed when an epoch first asks for it. Training then goes through the views in turn, so
that after as many epochs as there are views nothing of the frozen layers is computed any more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tintype.errors import OutputError
from tintype.training.augmentation import Step
from tintype.training.inputs import Inputs

__all__ = ["ActivationInputs"]

# Of a training image: more than this many hardly differ from new ones, and cost as much disk.
_MOST_VIEWS = 8


class ActivationInputs:
    """Activations of the first layer that learns: float16 a row and view."""

    computes = True

    def __init__(
        self,
        pixels: Inputs,
        rows: int,
        run: Callable[[torch.Tensor], np.ndarray],
        *,
        file: Path,
        augmented: bool,
        most_bytes: int,
    ) -> None:
        """
        Args:
            pixels: gives pixel_values, augmented by step.
            run: pixel_values (n, 3, height, width) -> float16 (n, …).
            file: where activations are kept; removed by `close`.
            augmented: whether there are several views.
            most_bytes: that the file may take.

        Raises:
            OutputError: the file cannot be written.
        """
        self._pixels = pixels
        self._rows = rows
        self._run = run
        self._augmented = augmented
        self._file = file
        shape = run(self._finished(np.zeros(1, np.int64), 0)).shape[1:]
        fitting = most_bytes // (rows * int(np.prod(shape)) * 2)
        self.views = int(max(1, min(_MOST_VIEWS, fitting))) if augmented else 1
        self.kept = fitting >= 1
        """Whether the file may hold a view of every image; else each is computed again and again."""
        self._known = np.zeros((self.views, rows), bool)
        if self.kept:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._kept = np.memmap(file, np.float16, "w+", shape=(self.views, rows, *shape))
            except OSError as error:
                raise OutputError(f"cannot write {file}: {error.strerror or error}") from None

    def gather(self, rows: np.ndarray, epoch: int = 0) -> torch.Tensor:
        """Activations of `rows` in the view of `epoch`: float16 (n, …)."""
        view = epoch % self.views
        if not self.kept:
            return torch.from_numpy(self._run(self._finished(rows, epoch)))
        missing = rows[~self._known[view, rows]]
        if len(missing):
            self._kept[view, missing] = self._run(self._finished(missing, view))
            self._known[view, missing] = True
        return torch.from_numpy(self._kept[view, rows])

    def finish(self, batch: torch.Tensor, *, step: Step | None) -> torch.Tensor:
        """Activations as the layers take them: float32."""
        batch = batch.float()
        if batch.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    def close(self) -> None:
        """Remove the file."""
        if self.kept:
            del self._kept
            self.kept = False
        self._file.unlink(missing_ok=True)

    def _finished(self, rows: np.ndarray, view: int) -> torch.Tensor:
        """pixel_values of `rows` in one view."""
        pixels = self._pixels.gather(rows)
        if not self._augmented:
            return self._pixels.finish(pixels, step=None)
        # A step of its own for each row: whatever rows are asked for together, a view is the same.
        return self._pixels.finish(pixels, step=view * self._rows + rows)
