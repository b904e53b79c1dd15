"""How much an AutoML job may spend."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tintype.schemas.document import StrictModel

__all__ = ["LEAST_BUDGET", "MOST_TRIALS", "Limits", "Quality"]

Quality = Literal["fast", "good", "best"]
"""How much an automatic sweep tries."""

LEAST_BUDGET = 30
"""Seconds."""

MOST_TRIALS = 1000
"""Of one sweep."""


class Limits(StrictModel):
    """`limits`: how much may be spent."""

    max_trials: int = Field(1, ge=1, le=MOST_TRIALS)
    """Trials in all."""

    max_concurrent_trials: int = Field(1, ge=1, le=100)
    """Trials at the same time; the machine's threads are shared out among them."""

    timeout_minutes: int = Field(10080, ge=1, le=86400)
    """For the whole job. What is found by then is kept."""
