"""What a trial's model says of the validation images: a file among the trial's outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tintype.jobs.run import Run
from tintype.schemas.view import View

__all__ = ["predictions_file", "read_predictions", "view_file"]


def predictions_file(run: Run) -> Path:
    """Where the probabilities of a trial's model are: float32 (n, classes), by `np.save`."""
    return run.outputs / "validation_probabilities.npy"


def view_file(path: Path, view: View) -> Path:
    """Of predictions at `path`, those of the same images in `view`: itself, or a file beside it."""
    return path if view == "whole" else path.with_name(f"{path.stem}.{view}.npy")


def read_predictions(path: Path, *, rows: int) -> np.ndarray | None:
    """float32 (rows, classes) in `path`.

    None where the file is not there, or is of other rows: a trial that could not read an image.
    """
    if not path.is_file():
        return None
    probabilities: np.ndarray = np.load(path, allow_pickle=False)
    return probabilities if len(probabilities) == rows else None
