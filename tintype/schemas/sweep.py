"""How a sweep draws points and ends hopeless trials: Azure's samplers and early termination.

Source of names, fields and rules: docs/contracts.md §2.4.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.schemas.document import StrictModel

__all__ = [
    "BanditPolicy",
    "BayesianSampling",
    "EarlyTermination",
    "GridSampling",
    "MedianStoppingPolicy",
    "RandomSampling",
    "SamplingAlgorithm",
    "Sweep",
    "TruncationSelectionPolicy",
]


class RandomSampling(StrictModel):
    """Independent draws, or a Sobol sequence, which covers the space more evenly."""

    type: Literal["random"] = "random"
    """random."""
    seed: int | None = Field(None, ge=0, lt=2**31)
    """Decides the draws; None: 42."""
    rule: Literal["random", "sobol"] = "random"
    """random: independent; sobol: evenly spread."""
    logbase: float | Literal["e"] = "e"
    """Base of the power in log distributions."""

    @property
    def base(self) -> float:
        """`logbase` as a number."""
        return math.e if self.logbase == "e" else float(self.logbase)

    @model_validator(mode="after")
    def _positive(self) -> RandomSampling:
        if self.logbase != "e" and not (self.base > 0 and self.base != 1):
            raise ValueError(f"logbase {self.logbase}: expected a positive number other than 1")
        return self


class GridSampling(StrictModel):
    """Every combination of every choice, in order."""

    type: Literal["grid"] = "grid"
    """grid."""


class BayesianSampling(StrictModel):
    """Points near those that did well (Optuna's tree-structured Parzen estimator)."""

    type: Literal["bayesian"] = "bayesian"
    """bayesian."""


class _Policy(StrictModel):
    evaluation_interval: int = Field(1, ge=0)
    """Look at every so many evaluations; 0 counts as 1."""
    delay_evaluation: int = Field(0, ge=0)
    """Do not look before so many evaluations."""


class BanditPolicy(_Policy):
    """End a trial that lags behind the best by more than some slack."""

    type: Literal["bandit"] = "bandit"
    """bandit."""
    slack_factor: float | None = Field(None, ge=0)
    """Slack as a ratio: a trial ends below best / (1 + slack_factor)."""
    slack_amount: float | None = Field(None, ge=0)
    """Slack as a difference: a trial ends below best - slack_amount."""
    evaluation_interval: int = Field(0, ge=0)
    """Look at every so many evaluations; 0 counts as 1."""

    @model_validator(mode="after")
    def _one_slack(self) -> BanditPolicy:
        given = [self.slack_factor is not None, self.slack_amount is not None]
        # Azure's SDK writes 0 for the one that is not meant.
        if all(given) and 0 in (self.slack_factor, self.slack_amount):
            return self
        if sum(given) != 1:
            raise ValueError("give either slack_factor or slack_amount, and not both")
        return self


class MedianStoppingPolicy(_Policy):
    """End a trial whose best is below the median of all trials' running averages."""

    type: Literal["median_stopping"] = "median_stopping"
    """median_stopping."""


class TruncationSelectionPolicy(_Policy):
    """End the lowest share of trials at each interval."""

    type: Literal["truncation_selection"] = "truncation_selection"
    """truncation_selection."""
    truncation_percentage: int = Field(ge=1, le=99)
    """Percent of trials to end."""
    exclude_finished_jobs: bool = False
    """Compare with running trials only."""


SamplingAlgorithm = RandomSampling | GridSampling | BayesianSampling
EarlyTermination = BanditPolicy | MedianStoppingPolicy | TruncationSelectionPolicy


def _lower_type(value: Any) -> Any:
    """`Random`, `{type: Random}` and `random` are the same to Azure."""
    if isinstance(value, str):
        return {"type": _snake(value)}
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        fixed = {**value, "type": _snake(value["type"])}
        if isinstance(fixed.get("rule"), str):
            fixed["rule"] = fixed["rule"].lower()
        return fixed
    return value


def _snake(name: str) -> str:
    spaced = "".join(
        f"_{letter}" if letter.isupper() and index and name[index - 1].islower() else letter
        for index, letter in enumerate(name.strip())
    )
    return spaced.lower()


class Sweep(StrictModel):
    """`sweep`: how points are drawn and hopeless trials ended."""

    sampling_algorithm: Annotated[
        Annotated[SamplingAlgorithm, Field(discriminator="type")], BeforeValidator(_lower_type)
    ]
    """random, grid or bayesian; or a mapping with `type`, and for random `seed`, `rule` (random or
    sobol) and `logbase`."""

    early_termination: Annotated[
        Annotated[EarlyTermination, Field(discriminator="type")] | None,
        BeforeValidator(_lower_type),
    ] = None
    """bandit, median_stopping or truncation_selection; None: every trial runs to its end."""
