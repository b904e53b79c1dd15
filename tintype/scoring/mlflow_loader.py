"""What MLflow calls to load a model folder: `MLmodel` names this module, so nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tintype.images.request import image_bytes_from_text
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

        Args:
            model_input: a DataFrame with a column `image` of base64 text, URLs or bytes, or a
                plain list of these.
            params: none are defined.

        Raises:
            ImageError, FetchError: an image cannot be read.
        """
        cells = model_input["image"] if hasattr(model_input, "columns") else model_input
        images = [
            image_bytes_from_text(cell) if isinstance(cell, str) else bytes(cell) for cell in cells
        ]
        return [
            {"probs": prediction.probs.tolist(), "labels": list(prediction.labels)}
            for prediction in self._scorer.predict(images)
        ]


def _load_pyfunc(data_path: str) -> MlflowModel:
    """MLflow's entry point; `data_path` is `<model folder>/data/model`."""
    return MlflowModel(Scorer.load(Path(data_path).parent.parent))
