"""What MLflow calls to load a model folder: `MLmodel` names this module, so nothing is unpickled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tintype.errors import UsageError
from tintype.images.request import image_bytes_from_text
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT
from tintype.scoring.image_text import check_cells
from tintype.scoring.label_sets import parse_labels
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

        A model of embeddings answers with `[{"image_features": [...]}, ...]`, and one that reads
        texts, too, with `text_features` beside or in place of them.

        Args:
            model_input: a DataFrame with a column `image` of base64 text, URLs or bytes, or a
                plain list of these. Zero-shot, the column `text` holds the labels in its first
                row: separated by commas, or a JSON list. Embeddings of images and texts: each of
                the two columns is filled, empty, or not there.
            params: none are defined.

        Raises:
            ImageError, FetchError: an image cannot be read.
            UsageError: zero-shot without labels; embeddings of a column with gaps.
        """
        named = hasattr(model_input, "columns")
        texts = _texts(model_input["text"]) if named and "text" in model_input.columns else None
        if self._scorer.task == EMBEDDINGS:
            images = model_input
            if named:
                images = model_input["image"] if "image" in model_input.columns else []
            return self._embeddings(list(images), texts or [])
        cells = model_input["image"] if named else model_input
        labels = None
        if self._scorer.task == ZERO_SHOT and texts is not None:
            labels = parse_labels(texts[0] if texts else "")
        return [
            {"probs": result.probs.tolist(), "labels": list(result.labels)}
            for result in self._scorer.predict(map(_encoded, cells), labels=labels)
        ]

    def _embeddings(self, cells: Sequence[Any], texts: Sequence[str]) -> list[dict[str, Any]]:
        rows = max(len(cells), len(texts))
        with_image = [_is_filled(cell) for cell in cells] or [False] * rows
        with_text = [text != "" for text in texts] or [False] * rows
        refusal = check_cells(with_image, with_text)
        if refusal is not None:
            raise UsageError(refusal.reason)
        features: dict[str, list[Any]] = {}
        if any(with_image):
            results = self._scorer.predict(map(_encoded, cells))
            features["image_features"] = [result.features.tolist() for result in results]
        if any(with_text):
            features["text_features"] = self._scorer.embed_texts(texts).tolist()
        return [
            dict(zip(features, row, strict=True)) for row in zip(*features.values(), strict=True)
        ]


def _encoded(cell: Any) -> bytes:
    return image_bytes_from_text(cell) if isinstance(cell, str) else bytes(cell)


def _texts(cells: Any) -> list[str]:
    """Cells of the column `text`, "" for None and NaN."""
    return [str(cell) if _is_filled(cell) else "" for cell in cells]


def _is_filled(cell: Any) -> bool:
    # NaN, which stands for an empty cell in a DataFrame, is not equal to itself.
    return cell is not None and cell not in ("", b"") and cell == cell


def _load_pyfunc(data_path: str) -> MlflowModel:
    """MLflow's entry point; `data_path` is `<model folder>/data/model`."""
    return MlflowModel(Scorer.load(Path(data_path).parent.parent))
