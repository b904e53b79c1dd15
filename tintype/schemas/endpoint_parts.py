"""What documents of online and of batch endpoints have in common: names and texts."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from tintype.schemas.document import Document, apply_overrides, read_yaml

__all__ = [
    "AuthMode",
    "EndpointName",
    "Seconds",
    "TextMap",
    "Variables",
    "Whole",
    "check_name",
    "keys_that_count",
    "merged_document",
]

_NAME = re.compile(r"[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?")

# Azure's SDK writes AMLToken, its documents aml_token.
_AUTH_MODES = {"key": "key", "amltoken": "aml_token", "aadtoken": "aad_token"}

_DURATION = TypeAdapter(timedelta)


def check_name(value: str) -> str:
    """`value`, where an endpoint or a deployment may be called so.

    Raises:
        ValueError: it may not; says what is allowed.
    """
    if not 3 <= len(value) <= 32 or not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} given; expected 3 to 32 letters, digits and hyphens, a letter first and no "
            "hyphen last"
        )
    return value


def _whole(value: Any) -> Any:
    # Python counts True as 1; in a document it is a slip.
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} given; expected a whole number")
    return value


def _texts(value: Any) -> Any:
    """A mapping whose numbers, dates and booleans are texts; null is left to be refused."""
    if not isinstance(value, Mapping):
        return value
    return {str(key): _text(item) for key, item in value.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return value.isoformat() if isinstance(value, datetime.date) else value


def _seconds(value: Any) -> Any:
    """Whole seconds of an ISO 8601 duration; anything else as it is."""
    if not isinstance(value, str) or not value.strip().upper().startswith("P"):
        return value
    try:
        seconds = _DURATION.validate_python(value.strip().upper()).total_seconds()
    except ValidationError:
        seconds = None
    if seconds is None or seconds % 1:
        raise ValueError(f"{value!r} given; expected whole seconds, such as 10 or PT10S")
    return int(seconds)


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not name or "=" in name or "\0" in name + text:
            raise ValueError(f"{name!r}: no name or value that an environment can hold")
    return value


def _auth_mode(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _AUTH_MODES.get(value.strip().lower().replace("_", ""), value)


EndpointName = Annotated[str, AfterValidator(check_name)]
"""Name of an endpoint or of a deployment."""

Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number that is not a boolean."""

TextMap = Annotated[dict[str, str], BeforeValidator(_texts)]
"""A mapping of texts in which YAML may have read numbers, dates and booleans."""

Seconds = Annotated[Whole, BeforeValidator(_seconds)]
"""Whole seconds; an ISO 8601 duration (PT10S) is read too."""

Variables = Annotated[TextMap, AfterValidator(_variables)]
"""Environment variables."""

AuthMode = Annotated[Literal["key", "aml_token", "aad_token"], BeforeValidator(_auth_mode)]
"""Azure's ways to say who one is, spelled as in its documents; its SDK's spelling is read too."""


def merged_document(
    path: Path | None, overrides: Sequence[str], options: Mapping[str, Any]
) -> Document:
    """The document at `path` (None: an empty one) with overrides, and the options that are given.

    Raises:
        DocumentError: the file cannot be read.
        UsageError: an override that cannot be applied.
    """
    document = apply_overrides(Document({}) if path is None else read_yaml(path), overrides)
    given = {key: value for key, value in options.items() if value is not None}
    return Document({**document.data, **given}, document.path, document.lines)


def keys_that_count(value: Any, read_only: Collection[str]) -> Any:
    """`value` without `read_only` keys, and without those that have nothing behind them.

    `traffic:` alone on its line is null in YAML; the key is as good as left out.
    """
    if not isinstance(value, Mapping):
        return value
    return {key: item for key, item in value.items() if item is not None and key not in read_only}
