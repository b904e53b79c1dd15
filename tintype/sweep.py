"""Distributions, samplers and early termination for search spaces, by the names of Azure's SDK."""

from tintype.schemas.distributions import (
    Choice,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)
from tintype.schemas.sweep import (
    BanditPolicy,
    BayesianSampling,
    GridSampling,
    MedianStoppingPolicy,
    RandomSampling,
    TruncationSelectionPolicy,
)

__all__ = [
    "BanditPolicy",
    "BayesianSampling",
    "Choice",
    "GridSampling",
    "LogNormal",
    "LogUniform",
    "MedianStoppingPolicy",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "RandomSampling",
    "TruncationSelectionPolicy",
    "Uniform",
]
