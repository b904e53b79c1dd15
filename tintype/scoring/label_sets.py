"""Zero-shot labels: reading them, putting them into a prompt, and keeping their embeddings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from tintype.errors import UsageError

__all__ = ["MAX_LABELS", "LabelSet", "LabelSets", "parse_labels"]

MAX_LABELS = 1000
_MAX_LABEL_CHARACTERS = 500
_KEPT = 256

# Azure's container says nearly this; see docs/contracts.md §7.3.
_EXPECTED = (
    'the labels cannot be read: the first row\'s "text" must hold them separated by commas, or as '
    "a JSON list of strings"
)


@dataclass(frozen=True)
class LabelSet:
    """Labels with the embeddings of their prompts."""

    labels: tuple[str, ...]

    embeddings: np.ndarray
    """float32 (labels, D), each of length 1."""


def parse_labels(text: str) -> tuple[str, ...]:
    """Labels from a text: a JSON list of strings, or names separated by commas.

    >>> parse_labels("can, carton,,jug ")
    ('can', 'carton', 'jug')
    >>> parse_labels('["trilobite, extinct", "jug"]')
    ('trilobite, extinct', 'jug')

    Raises:
        UsageError: no label in it, too many, or one that is too long.
    """
    stripped = text.strip()
    names: Sequence[object] = stripped.split(",")
    if stripped.startswith("["):
        try:
            names = orjson.loads(stripped)
        except orjson.JSONDecodeError:
            raise UsageError(f"{_EXPECTED}; it begins like a JSON list but is none") from None
    return check_labels(names)


def check_labels(names: Sequence[object]) -> tuple[str, ...]:
    """`names` trimmed, without empty ones.

    Raises:
        UsageError: no label, too many, one that is too long or not text.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{_EXPECTED}; every label must be text")
    labels = tuple(str(name).strip() for name in names if str(name).strip())
    if not labels:
        raise UsageError(_EXPECTED)
    if len(labels) > MAX_LABELS:
        raise UsageError(f"{len(labels)} labels; the limit is {MAX_LABELS}")
    longest = max(labels, key=len)
    if len(longest) > _MAX_LABEL_CHARACTERS:
        raise UsageError(
            f"a label of {len(longest)} characters; the limit is {_MAX_LABEL_CHARACTERS}"
        )
    return labels


class LabelSets:
    """Embeds each set of labels once; keeps the sets that were used last."""

    def __init__(self, encode: Callable[[Sequence[str]], np.ndarray], prompt: str) -> None:
        """
        Args:
            encode: texts -> float32 (n, D).
            prompt: a template such as "a photo of a {}"; "{}" takes the labels as they are.

        Raises:
            UsageError: a template without its place for the label.
        """
        if "{}" not in prompt:
            raise UsageError(f"prompt {prompt!r}: it must hold '{{}}' where the label goes")
        self._encode = encode
        self._prompt = prompt
        self._kept: OrderedDict[tuple[str, ...], LabelSet] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, labels: Sequence[str]) -> LabelSet:
        """The set of `labels`, embedded now or before.

        Raises:
            UsageError: see `check_labels`, or a prompt longer than the model reads.
        """
        names = check_labels(labels)
        with self._lock:
            if names in self._kept:
                self._kept.move_to_end(names)
                return self._kept[names]
        embeddings = self._encode([self._prompt.replace("{}", name) for name in names])
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        label_set = LabelSet(names, embeddings / np.maximum(lengths, 1e-12))
        with self._lock:
            self._kept[names] = label_set
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return label_set
