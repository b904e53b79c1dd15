"""Scorer: a model folder (or checkpoint) that turns images into probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from tintype.data.image_table import ImageTable
from tintype.errors import CheckpointError, FetchError, ImageError
from tintype.images.loading import ImageSource, iterate_pixels
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import labels_of, load_classifier, task_of
from tintype.models.hardware import autocast_dtype, pick_device
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.progress import track
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.settings import get_settings

__all__ = ["Prediction", "Scorer", "TableScores"]


@dataclass(frozen=True)
class Prediction:
    """Probabilities of one image."""

    probs: np.ndarray
    """float32 (classes,): they sum to 1 (multi-class), or each stands alone (multi-label)."""

    labels: tuple[str, ...]
    """All classes, in the model's fixed order."""

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The `count` likeliest labels with their probabilities, likeliest first."""
        order = np.argsort(-self.probs, kind="stable")[:count]
        return [(self.labels[code], float(self.probs[code])) for code in order]


@dataclass(frozen=True)
class TableScores:
    """Probabilities of an image table's rows."""

    rows: np.ndarray
    """int64 (n,): the rows that could be read, ascending."""

    probabilities: np.ndarray
    """float32 (n, classes)."""

    failures: list[tuple[int, str]]
    """(row, reason) of each image that could not be read."""


class Scorer:
    """Loads once, predicts many times; may be called from several threads.

    >>> scorer = Scorer.load("outputs/mlflow-model")          # doctest: +SKIP
    >>> scorer.predict(["cat.jpg"])[0].top(2)                 # doctest: +SKIP
    [('cat', 0.98), ('dog', 0.01)]
    """

    def __init__(
        self,
        model: nn.Module,
        preprocessor: Preprocessor,
        *,
        task: ClassificationTask,
        classes: Sequence[str],
        card: dict[str, Any],
        device: torch.device,
        precision: str,
        batch_size: int,
    ) -> None:
        """Prefer `Scorer.load`."""
        self.task = task
        self.classes = tuple(classes)
        self.card = card
        self.preprocessor = preprocessor
        self.device = device
        self.batch_size = batch_size
        self._autocast = autocast_dtype(precision, device)
        self.precision = "fp32" if self._autocast is None else "bf16"
        """What the model computes in, after "auto" was resolved."""
        self._model = model.to(device).eval()

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        device: str = "auto",
        precision: Literal["fp32", "bf16", "auto"] = "fp32",
        batch_size: int = 32,
    ) -> Scorer:
        """Load a model folder, a Hub-format checkpoint folder, or a Hub id.

        Args:
            precision: fp32 agrees with transformers to 1e-4; bf16 is faster where the chip is
                built for it; auto takes bf16 just there.
            batch_size: most images in one pass of the model.

        Raises:
            CheckpointError: missing, damaged, unsafe, or without a trained head.
            UsageError: no such device or precision.
        """
        path = Path(source).expanduser()
        card: dict[str, Any] = {}
        task: ClassificationTask | None = None
        classes: tuple[str, ...] | None = None
        if is_model_folder(path):
            folder = open_model_folder(path)
            checkpoint, card = folder.checkpoint, folder.card
            task, classes = folder.task, folder.classes
        else:
            checkpoint = resolve_checkpoint(str(source))
            if checkpoint.from_scratch:
                raise CheckpointError(
                    f"{checkpoint.name} has random weights: fine-tune it before predicting with it"
                )
        model = load_classifier(checkpoint)
        return cls(
            model,
            Preprocessor.from_folder(checkpoint.folder),
            task=task or task_of(model),
            classes=classes or labels_of(model),
            card=card,
            device=pick_device(device),
            precision=precision,
            batch_size=batch_size,
        )

    def predict(self, images: Iterable[ImageSource]) -> list[Prediction]:
        """Predictions for `images`, in order.

        Args:
            images: paths, URLs, encoded bytes, uint8 (h, w, 3) arrays or Pillow images.

        Raises:
            ImageError, FetchError: an image cannot be read; `stream` goes on past such images.
        """
        found = []
        for result in self.stream(images):
            if not isinstance(result, Prediction):
                raise result
            found.append(result)
        return found

    def stream(
        self, images: Iterable[ImageSource]
    ) -> Iterator[Prediction | ImageError | FetchError]:
        """One result per image, in order, in bounded memory; decoding overlaps the model.

        An image that cannot be read yields its error in its place and disturbs no other.
        """
        for batch in iterate_pixels(
            images,
            self.preprocessor,
            batch_size=self.batch_size,
            threads=get_settings().cpu_threads,
        ):
            probabilities = self.probabilities(batch.pixels)
            results: dict[int, Prediction | ImageError | FetchError] = dict(batch.failures)
            for row, probs in zip(batch.rows, probabilities, strict=True):
                results[int(row)] = Prediction(probs, self.classes)
            for row in sorted(results):
                yield results[row]

    def score_table(self, table: ImageTable) -> TableScores:
        """Probabilities of every row of `table` whose image can be read."""
        rows: list[int] = []
        probabilities: list[np.ndarray] = []
        failures: list[tuple[int, str]] = []
        results = track(self.stream(table.locations()), "scoring", len(table))
        for row, result in enumerate(results):
            if isinstance(result, Prediction):
                rows.append(row)
                probabilities.append(result.probs)
            else:
                failures.append((row, str(result)))
        stacked = np.stack(probabilities) if rows else np.zeros((0, len(self.classes)), np.float32)
        return TableScores(np.array(rows, np.int64), stacked, failures)

    @torch.inference_mode()
    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """One pass of the model over preprocessed pixels.

        Args:
            pixels: uint8 (n, height, width, 3), as `Preprocessor.resize` gives them.

        Returns:
            float32 (n, classes).
        """
        if len(pixels) == 0:
            return np.zeros((0, len(self.classes)), np.float32)
        batch = self.preprocessor.normalize(torch.from_numpy(pixels).to(self.device))
        with torch.autocast(
            self.device.type, self._autocast or torch.bfloat16, enabled=self._autocast is not None
        ):
            logits = self._model(pixel_values=batch).logits.float()
        found = logits.sigmoid() if self.task == MULTILABEL else logits.softmax(-1)
        return found.cpu().numpy()
