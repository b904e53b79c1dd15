"""What a wire protocol has to do: turn a call's body into rows, and rows' results into a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import orjson

from tintype.endpoints.online.calls import ScoreCall, refusal
from tintype.endpoints.online.collecting.sample import Sample
from tintype.errors import RequestError
from tintype.schemas.explained_cell import XaiParameters
from tintype.schemas.wire import Style

__all__ = [
    "Features",
    "Limits",
    "Probabilities",
    "Rows",
    "WireProtocol",
    "with_errors",
    "with_explanations",
]


@dataclass(frozen=True)
class Limits:
    """What a call may ask for."""

    max_rows: int
    images_required: bool
    """False lets rows have a text and no image."""


@dataclass
class Rows:
    """What a call asks about, as the task will see it."""

    cells: Sequence[str | bytes]
    """Images, still encoded: texts of a JSON body, or bytes."""
    texts: Sequence[str]
    """"" where a row has none."""
    request: Any = None
    """What else the protocol has to know when it answers."""
    errors: dict[int, RequestError] | None = None
    """Rows that could not be read, where they are skipped; None where one refuses the call."""
    explanations: dict[int, XaiParameters] = field(default_factory=dict)
    """How the answers of some rows are to be explained."""
    sample: Sample | None = None
    """What is recorded of them; None: nothing."""


@dataclass(frozen=True)
class Probabilities:
    """What a classifier says."""

    rows: Sequence[np.ndarray]
    """float32 (classes,) of every row that is not in `Rows.errors`."""
    labels: Sequence[str]
    style: Style
    explained: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    """What the answers of some rows have besides."""


@dataclass(frozen=True)
class Features:
    """What an embedder says: float32 (D,) of every row that is not in `Rows.errors`."""

    images: Sequence[np.ndarray] | None
    """None where the rows have no images; likewise `texts`."""
    texts: Sequence[np.ndarray] | None


class WireProtocol(Protocol):
    """One way of asking and answering over HTTP."""

    has_styles: bool
    """Whether answers come in several styles, and a row may be answered by an error."""

    def read(self, call: ScoreCall, limits: Limits) -> Rows:
        """
        Raises:
            RequestError: 400 with what is wrong and where, 413 over a limit, 415 for a content type
                that is not the protocol's.
        """

    def write_probabilities(self, rows: Rows, answer: Probabilities, model_name: str) -> bytes:
        """The body for a classifier's answer. Raises RequestError: 400, the call asks for another."""

    def write_features(self, rows: Rows, answer: Features, model_name: str) -> bytes:
        """The same for an embedder's."""


def with_errors(answer: bytes, errors: dict[int, RequestError] | None) -> bytes:
    """A JSON list of rows with `{"error": ...}` in the places of those that could not be read."""
    if not errors:
        return answer
    read = orjson.loads(answer)
    rows = iter(read)
    return orjson.dumps(
        [
            orjson.loads(refusal(errors[row]).body) if row in errors else next(rows)
            for row in range(len(read) + len(errors))
        ]
    )


def with_explanations(answer: bytes, explained: Mapping[int, dict[str, Any]]) -> bytes:
    """A JSON list of objects, some of which get further keys: numpy arrays and plain values."""
    if not explained:
        return answer
    rows = orjson.loads(answer)
    for row, told in explained.items():
        rows[row].update(told)
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)
