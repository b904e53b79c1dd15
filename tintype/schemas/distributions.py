"""Distributions of a search space, by Azure's names, each drawn through its quantile function.

A sampler gives a number in [0, 1); `quantile` turns it into a value. So random, Sobol and Bayesian
sampling share one definition of every distribution. In documents a distribution is a mapping
(`{type: uniform, min_value: 0.001, max_value: 0.01}`) or an expression as in Azure's pipelines
(`"uniform(0.001, 0.01)"`). Source of names and fields: docs/contracts.md §2.4; of the rules of the
log and q forms: Azure's sweep reference (log bounds are exponents, q rounds to multiples).
"""

from __future__ import annotations

import ast
import math
from statistics import NormalDist
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, model_validator

from tintype.errors import nearest
from tintype.schemas.document import StrictModel

__all__ = [
    "Choice",
    "Distribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "Scalar",
    "SearchValue",
    "Uniform",
    "parse_expression",
    "read_value",
]

Scalar = bool | int | float | str

# Farther out in its tail than this no normal distribution is drawn.
_LEAST_TAIL = 1e-12


class Distribution(StrictModel):
    """What all have in common.

    Arguments may also be given by position, as Azure's samples do: `Uniform(0.001, 0.01)`.
    """

    def __init__(self, *values: Any, **named: Any) -> None:
        names = [name for name in type(self).model_fields if name != "type"]
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        super().__init__(**dict(zip(names, values, strict=False)), **named)

    def quantile(self, u: float, *, base: float = math.e) -> Scalar:
        """The value below which a share `u`, in [0, 1), of all draws lie.

        Args:
            base: of the power in log distributions.
        """
        raise NotImplementedError

    def bounds(self) -> tuple[Scalar, Scalar] | None:
        """The least and the largest value, or None where there are none."""
        return None


class Choice(Distribution):
    """One of several values, each as likely."""

    type: Literal["choice"] = "choice"
    values: list[Scalar] = Field(min_length=1)

    def quantile(self, u: float, *, base: float = math.e) -> Scalar:
        """The value at that place of the list."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]


class Randint(Distribution):
    """A whole number from 0 to upper - 1."""

    type: Literal["randint"] = "randint"
    upper: int = Field(ge=1)

    def quantile(self, u: float, *, base: float = math.e) -> int:
        """The whole number."""
        return min(int(u * self.upper), self.upper - 1)

    def bounds(self) -> tuple[int, int]:
        """0 and upper - 1."""
        return 0, self.upper - 1


class Uniform(Distribution):
    """Any number between two."""

    type: Literal["uniform"] = "uniform"
    min_value: float
    max_value: float

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.min_value <= self.max_value:
            raise ValueError(f"min_value {self.min_value} is above max_value {self.max_value}")
        return self

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """min + u (max - min)."""
        return self.min_value + u * (self.max_value - self.min_value)

    def bounds(self) -> tuple[float, float]:
        """The two."""
        return float(self.quantile(0.0)), float(self.quantile(1.0))


class LogUniform(Uniform):
    """exp of a uniform number: min_value and max_value are exponents."""

    type: Literal["loguniform"] = "loguniform"  # type: ignore[assignment]

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """base^(min + u (max - min))."""
        return base ** super().quantile(u)


class QUniform(Uniform):
    """A uniform number rounded to a multiple of q."""

    type: Literal["quniform"] = "quniform"  # type: ignore[assignment]
    q: float = Field(gt=0)

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """round(uniform / q) q."""
        return _to_multiple(super().quantile(u), self.q)


class QLogUniform(LogUniform):
    """exp of a uniform number, rounded to a multiple of q."""

    type: Literal["qloguniform"] = "qloguniform"  # type: ignore[assignment]
    q: float = Field(gt=0)

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """round(base^uniform / q) q."""
        return _to_multiple(super().quantile(u, base=base), self.q)


class Normal(Distribution):
    """A normal number."""

    type: Literal["normal"] = "normal"
    mu: float
    sigma: float = Field(gt=0)

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """The normal quantile; beyond one in 10^12 it is cut."""
        return NormalDist(self.mu, self.sigma).inv_cdf(min(max(u, _LEAST_TAIL), 1 - _LEAST_TAIL))


class LogNormal(Normal):
    """exp of a normal number."""

    type: Literal["lognormal"] = "lognormal"  # type: ignore[assignment]

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """base^normal."""
        return base ** super().quantile(u)


class QNormal(Normal):
    """A normal number rounded to a multiple of q."""

    type: Literal["qnormal"] = "qnormal"  # type: ignore[assignment]
    q: float = Field(gt=0)

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """round(normal / q) q."""
        return _to_multiple(super().quantile(u), self.q)


class QLogNormal(LogNormal):
    """exp of a normal number, rounded to a multiple of q."""

    type: Literal["qlognormal"] = "qlognormal"  # type: ignore[assignment]
    q: float = Field(gt=0)

    def quantile(self, u: float, *, base: float = math.e) -> float:
        """round(base^normal / q) q."""
        return _to_multiple(super().quantile(u, base=base), self.q)


_CLASSES: tuple[type[Distribution], ...] = (
    Choice,
    Randint,
    Uniform,
    LogUniform,
    QUniform,
    QLogUniform,
    Normal,
    LogNormal,
    QNormal,
    QLogNormal,
)

_BY_NAME = {kind.model_fields["type"].default: kind for kind in _CLASSES}


def parse_expression(text: str) -> Distribution | None:
    """`"choice('a', 'b')"` or `"uniform(0.001, 0.01)"` as a distribution; None for plain text.

    Raises:
        ValueError: it begins like a distribution but cannot be read as one.
    """
    name, bracket, rest = text.strip().partition("(")
    if not bracket or name.strip().lower() not in _BY_NAME:
        return None
    kind = _BY_NAME[name.strip().lower()]
    try:
        call = ast.parse(f"_({rest}", mode="eval").body
        assert isinstance(call, ast.Call)
        values = [ast.literal_eval(argument) for argument in call.args]
        named = {str(part.arg): ast.literal_eval(part.value) for part in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise ValueError(f"{text!r} cannot be read; write it like choice('a', 'b')") from None
    if kind is Choice:
        # choice(1, 2) and choice([1, 2]) are both in use.
        flat = values[0] if len(values) == 1 and isinstance(values[0], list | tuple) else values
        return Choice(values=list(named.get("values", flat)))
    try:
        return kind(*values, **named)
    except TypeError as error:
        raise ValueError(f"{text!r}: {error}") from None


def read_value(value: Any) -> Scalar | Distribution:
    """A scalar, or a distribution from a mapping or an expression.

    Raises:
        ValueError: neither; says what is wrong.
    """
    if isinstance(value, Distribution):
        return value
    if isinstance(value, str):
        return parse_expression(value) or value
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, dict):
        raise ValueError(
            f"{value!r} given; expected one value, or a distribution such as "
            "{type: choice, values: [...]}"
        )
    name = str(value.get("type", "")).strip().lower()
    if name not in _BY_NAME:
        raise ValueError(
            f"type {value.get('type')!r}: expected one of {', '.join(_BY_NAME)}."
            f"{nearest(name, _BY_NAME)}"
        )
    try:
        return _BY_NAME[name].model_validate({**value, "type": name})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        reason = (problem.get("ctx") or {}).get("error") or problem["msg"]
        raise ValueError(f"{name}{': ' if place else ''}{place}: {reason}") from None


def _written(value: Scalar | Distribution) -> Any:
    return value.model_dump() if isinstance(value, Distribution) else value


SearchValue = Annotated[Any, PlainValidator(read_value), PlainSerializer(_written)]
"""A value of a search space: what `read_value` reads."""


def _to_multiple(value: float, q: float) -> float:
    """The multiple of q that is nearest to `value`, an int where q is one."""
    if q.is_integer():
        return round(value / q) * int(q)
    # Eleven digits: 3 × 0.1 is meant as 0.3.
    return float(f"{round(value / q) * q:.11g}")
