"""Scorer: images in, probabilities or embeddings out. The one class that predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tintype.scoring.results import Embedding, Prediction
    from tintype.scoring.scorer import Scorer

__all__ = ["Embedding", "Prediction", "Scorer"]


def __getattr__(name: str) -> Any:
    # NumPy and Pillow are imported only when something is really scored.
    if name == "Scorer":
        from tintype.scoring.scorer import Scorer

        return Scorer
    if name in __all__:
        from tintype.scoring import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
