"""Scorer: images in, probabilities out. The one class that predicts, for every way of asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tintype.scoring.scorer import Prediction, Scorer

__all__ = ["Prediction", "Scorer"]


def __getattr__(name: str) -> Any:
    # torch is imported only when something is really scored.
    if name in __all__:
        from tintype.scoring import scorer

        return getattr(scorer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
