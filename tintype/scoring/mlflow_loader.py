"""What MLflow calls to load a model folder: `MLmodel` names this module, so nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tintype.images.request import image_bytes_from_text
from tintype.schemas.task import ZERO_SHOT
from tintype.scoring.label_sets import parse_labels
from tintype.scoring.results import Embedding
from tintype.scoring.scorer import Scorer

__all__ = ["MlflowModel"]


class MlflowModel:
    """MLflow's view of a Scorer: rows of a column `image` in, documented answers out."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def predict(
        self, model_input: Any, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Answer with `[{"probs": [...], "labels": [...]}, ...]`, all classes in fixed order.

        A model of embeddings answers with `[{"image_features": [...]}, ...]`.

        Args:
            model_input: a DataFrame with a column `image` of base64 text, URLs or bytes, or a
                plain list of these. Zero-shot, the column `text` holds the labels in its first
                row: separated by commas, or a JSON list.
            params: none are defined.

        Raises:
            ImageError, FetchError: an image cannot be read.
            UsageError: zero-shot without labels.
        """
        named = hasattr(model_input, "columns")
        cells = model_input["image"] if named else model_input
        labels = None
        if self._scorer.task == ZERO_SHOT and named and "text" in model_input.columns:
            labels = parse_labels(str(next(iter(model_input["text"]), "")))
        images = [
            image_bytes_from_text(cell) if isinstance(cell, str) else bytes(cell) for cell in cells
        ]
        return [
            {"image_features": result.features.tolist()}
            if isinstance(result, Embedding)
            else {"probs": result.probs.tolist(), "labels": list(result.labels)}
            for result in self._scorer.predict(images, labels=labels)
        ]


def _load_pyfunc(data_path: str) -> MlflowModel:
    """MLflow's entry point; `data_path` is `<model folder>/data/model`."""
    return MlflowModel(Scorer.load(Path(data_path).parent.parent))
