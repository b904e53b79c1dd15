"""Online endpoint documents: what a `tintype online-endpoint create --file` YAML may say.

Source of keys and rules: azure-contracts.md §6.1.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tintype.errors import UsageError
from tintype.schemas.document import Document, StrictModel, apply_overrides, read_yaml, validate

__all__ = [
    "EndpointName",
    "OnlineEndpointDocument",
    "RateLimit",
    "TextMap",
    "Whole",
    "keys_that_count",
    "load_online_endpoint",
    "merged_document",
    "parse_traffic",
    "read_online_endpoint",
    "stored_endpoint",
]

_NAME = re.compile(r"[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?")

# Azure's SDK writes AMLToken, its documents aml_token.
_AUTH_MODES = {"key": "key", "amltoken": "aml_token", "aadtoken": "aad_token"}

# Azure's keys that have no meaning on one's own machine: accepted, each reported in a sentence.
_WITHOUT_EFFECT = {
    "public_network_access": "the server listens at the address it was started with",
    "identity": "an endpoint here has no identity of its own",
    "kind": "there is one kind of endpoint",
    "compute": "the deployments say where they run",
}

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset({
    "id", "location", "provisioning_state", "scoring_uri", "openapi_uri", "playground_uri",
    "created_at", "modified_at",
})  # fmt: skip


def _endpoint_name(value: str) -> str:
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


EndpointName = Annotated[str, AfterValidator(_endpoint_name)]
"""Name of an endpoint or of a deployment."""

Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number that is not a boolean."""

TextMap = Annotated[dict[str, str], BeforeValidator(_texts)]
"""A mapping of texts in which YAML may have read numbers, dates and booleans."""

_Share = Annotated[Whole, Field(ge=0, le=100)]
_MirrorShare = Annotated[Whole, Field(ge=0, le=50)]


class RateLimit(StrictModel):
    """`rate_limit`: how often one key may ask."""

    requests_per_minute: Whole = Field(ge=1)
    """Requests of one key in a minute; above it, 429."""


class OnlineEndpointDocument(StrictModel):
    """A stable address with keys, which shares its requests out among its deployments."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: EndpointName
    """3 to 32 letters, digits and hyphens, a letter first and no hyphen last; part of the URL."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the endpoint."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the endpoint."""

    auth_mode: Literal["key", "aml_token", "aad_token"] = "key"
    """key. Azure's token modes are accepted and mean keys too."""

    traffic: dict[EndpointName, _Share] = Field(default_factory=dict)
    """Deployment to percent of the requests. The sum is 100, or 0: nothing is answered (404)."""

    mirror_traffic: dict[EndpointName, _MirrorShare] = Field(default_factory=dict)
    """One deployment without live traffic, to percent (1 to 50) of the requests that it is also
    sent; its answers are thrown away. Empty or 0: none."""

    rate_limit: RateLimit | None = None
    """Beyond Azure's: a limit for each key. None: no limit."""

    public_network_access: Any = None
    """No effect here."""

    identity: Any = None
    """No effect here."""

    kind: Any = None
    """No effect here."""

    compute: Any = None
    """No effect here."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)

    @field_validator("auth_mode", mode="before")
    @classmethod
    def _auth_mode(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _AUTH_MODES.get(value.strip().lower().replace("_", ""), value)

    @field_validator("traffic")
    @classmethod
    def _whole_traffic(cls, traffic: dict[str, int]) -> dict[str, int]:
        total = sum(traffic.values())
        if total not in (0, 100):
            raise ValueError(
                f"{_shown(traffic)} adds up to {total}; expected 100, or 0 for no traffic at all"
            )
        return traffic

    @field_validator("mirror_traffic")
    @classmethod
    def _one_mirror(cls, mirror: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        mirror = {name: share for name, share in mirror.items() if share}
        if len(mirror) > 1:
            raise ValueError(f"{_shown(mirror)} given; expected one deployment")
        live: dict[str, int] = info.data.get("traffic", {})
        for name in mirror:
            if live.get(name):
                raise ValueError(
                    f"{name!r} takes {live[name]} percent of the live traffic; mirror to a "
                    "deployment that takes none"
                )
        return mirror

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        found = []
        if self.auth_mode != "key":
            found.append(f"auth_mode {self.auth_mode} has no effect here: keys are used")
        for key, reason in _WITHOUT_EFFECT.items():
            if getattr(self, key) is not None:
                found.append(f"{key} has no effect here: {reason}")
        return found


def load_online_endpoint(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> OnlineEndpointDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_online_endpoint(merged_document(path, overrides, options or {}))


def read_online_endpoint(document: Document) -> OnlineEndpointDocument:
    """Check a document of this kind.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    return validate(OnlineEndpointDocument, document)


def stored_endpoint(content: Mapping[str, Any]) -> OnlineEndpointDocument:
    """An endpoint as the workspace keeps it: checked when it was created."""
    return OnlineEndpointDocument.model_validate(content)


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


def parse_traffic(text: str) -> dict[str, int]:
    """Shares as `--traffic` and `--mirror-traffic` write them; what they add up to is not checked.

    >>> parse_traffic("blue=90 green=10")
    {'blue': 90, 'green': 10}
    >>> parse_traffic("demo=100")
    {'demo': 100}

    Raises:
        UsageError: no share, not of that form, a name twice, or a share outside 0 to 100.
    """
    shares: dict[str, int] = {}
    for item in re.split(r"[\s,]+", text.strip(" \t\r\n,")):
        name, equals, share = item.partition("=")
        if not equals:
            raise UsageError(f"traffic {text!r}: expected 'name=percent', as in 'blue=90 green=10'")
        try:
            _endpoint_name(name)
        except ValueError as error:
            raise UsageError(f"traffic {text!r}: name {error}") from None
        if name in shares:
            raise UsageError(f"traffic {text!r}: {name!r} stands twice")
        if not re.fullmatch(r"[0-9]{1,3}", share) or int(share) > 100:
            raise UsageError(f"traffic {text!r}: {share!r} given; expected a number from 0 to 100")
        shares[name] = int(share)
    return shares


def _shown(shares: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={share}" for name, share in shares.items())
