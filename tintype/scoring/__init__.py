"""Scorer: images in, probabilities or embeddings out. The one class that predicts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tintype.schemas.scorer_options import ScorerOptions
    from tintype.scoring.results import Embedding, Prediction
    from tintype.scoring.scorer import Scorer

__all__ = ["Embedding", "Prediction", "Scorer", "ScorerOptions"]

# NumPy and Pillow are imported only when something is really scored.
_HOMES = {
    "Embedding": "tintype.scoring.results",
    "Prediction": "tintype.scoring.results",
    "Scorer": "tintype.scoring.scorer",
    "ScorerOptions": "tintype.schemas.scorer_options",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
