"""Probabilities, the logits behind them, and what a finished model's card says of both: temperature,
and thresholds of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tintype.errors import CheckpointError
from tintype.schemas.task import MULTILABEL, Task

__all__ = [
    "logits_of",
    "probabilities_of",
    "temperature_of",
    "thresholds_of",
    "with_temperature",
]

_LEAST, _MOST = 1e-38, 1 - 2**-24  # probabilities that float32 tells from 0 and 1

# exp of more than this is no number.
_LARGEST_EXPONENT = 700.0


def probabilities_of(logits: np.ndarray, task: Task) -> np.ndarray:
    """Logits (n, classes) -> float32 (n, classes): softmax of each row, or (multi-label) sigmoid of
    each value."""
    values = np.asarray(logits, np.float64)
    if task == MULTILABEL:
        return (1 / (1 + np.exp(np.minimum(-values, _LARGEST_EXPONENT)))).astype(np.float32)
    powers = np.exp(values - values.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


def logits_of(probabilities: np.ndarray, task: Task) -> np.ndarray:
    """float64 (n, classes): logits that `probabilities_of` gives `probabilities` for.

    Logarithms of probabilities are logits but for a constant, which softmax ignores.
    """
    values = np.asarray(probabilities, np.float64)
    if task == MULTILABEL:
        values = values.clip(_LEAST, _MOST)
        return np.log(values) - np.log1p(-values)
    return np.log(values.clip(_LEAST))


def with_temperature(probabilities: np.ndarray, temperature: float, task: Task) -> np.ndarray:
    """Probabilities as they were if the logits behind them were divided by `temperature`;
    `1 / temperature` takes a temperature out again.

    >>> with_temperature(np.array([[0.8, 0.2]]), 2.0, "image_classification").round(3).tolist()
    [[0.667, 0.333]]

    Args:
        probabilities: (n, classes); rows sum to 1, or (multi-label) each value stands alone.

    Returns:
        float32 (n, classes).
    """
    return probabilities_of(logits_of(probabilities, task) / temperature, task)


def temperature_of(card: Mapping[str, Any]) -> float:
    """The temperature that the model's logits are divided by already; 1 where there is none.

    Raises:
        CheckpointError: the card's is no positive number.
    """
    value = card.get("temperature", 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise CheckpointError(f"card.yaml: temperature {value!r}; expected a positive number")
    return float(value)


def thresholds_of(card: Mapping[str, Any], classes: Sequence[str]) -> np.ndarray | None:
    """Float64 (classes,): from which probability on each label is predicted; None where 0.5 is.

    Raises:
        CheckpointError: a class has none, or one that is not between 0 and 1.
    """
    found = card.get("thresholds")
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise CheckpointError(f"card.yaml: thresholds {found!r}; expected a number for each class")
    values = [found.get(name) for name in classes]
    for name, value in zip(classes, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise CheckpointError(
                f"card.yaml: the threshold of {name!r} is {value!r}; expected a number between 0 and 1"
            )
    return np.array(values, np.float64)
