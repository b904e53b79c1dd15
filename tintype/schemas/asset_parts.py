"""What documents of assets (data, models, components, environments) have in common."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tintype.schemas.document import StrictModel
from tintype.schemas.endpoint_parts import TextMap, keys_that_count

__all__ = ["VERSION", "AssetDocument", "AssetName", "AssetVersion"]

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset(
    {"id", "resourceGroup", "creation_context", "latest_version", "archived", "created_at"}
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
"""What a version may be called, of a data asset or a model; Azure's own limit."""


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} given; expected up to 255 letters, digits, '-', '_' and '.', a letter or "
            "digit first"
        )
    return value


def _version_text(value: Any) -> Any:
    if isinstance(value, float):
        # 1.10 would become 1.1.
        raise ValueError(f'{value} is read as a number; put it in quotes: "{value}"')
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    is_day = isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    return value.isoformat() if is_day else value


def _version(value: str) -> str:
    if not VERSION.fullmatch(value):
        raise ValueError(
            f"{value!r} given; expected up to 30 letters, digits, '-', '_' and '.', a letter or "
            "digit first"
        )
    return value


AssetName = Annotated[str, AfterValidator(_name)]
"""Up to 255 letters, digits, '-', '_' and '.', a letter or digit first."""

AssetVersion = Annotated[Annotated[str, AfterValidator(_version)], BeforeValidator(_version_text)]
"""Up to 30 letters, digits, '-', '_' and '.'; whole numbers and days may stand without quotes."""


class AssetDocument(StrictModel):
    """Keys that every asset has."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: AssetName
    """Up to 255 letters, digits, '-', '_' and '.', a letter or digit first."""

    version: AssetVersion | None = None
    """Up to 30 letters, digits, '-', '_' and '.'; left out: the next number."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the version."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the version."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)
