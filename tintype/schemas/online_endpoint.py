"""Online endpoint documents: what a `tintype online-endpoint create --file` YAML may say.

Source of keys and rules: docs/contracts.md §6.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tintype.errors import UsageError
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import (
    AuthMode,
    EndpointName,
    TextMap,
    Whole,
    check_name,
    keys_that_count,
    merged_document,
)

__all__ = [
    "OnlineEndpointDocument",
    "RateLimit",
    "load_online_endpoint",
    "parse_traffic",
    "read_online_endpoint",
    "stored_endpoint",
]

# Azure's keys that have no meaning on one's own machine: accepted, each reported in a sentence.
_WITHOUT_EFFECT = {
    "public_network_access": "the server listens at the address it was started with",
    "identity": "an endpoint here has no identity of its own",
    "kind": "there is one kind of endpoint",
    "compute": "the deployments say where they run",
}

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset(
    {
        "id",
        "location",
        "provisioning_state",
        "scoring_uri",
        "openapi_uri",
        "playground_uri",
        "created_at",
        "modified_at",
    }
)


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

    auth_mode: AuthMode = "key"
    """key. Azure's token modes are accepted and mean keys too."""

    traffic: dict[EndpointName, _Share] = Field(default_factory=dict)
    """Deployment to percent of the requests. The sum is 100, or 0: nothing is answered (404)."""

    mirror_traffic: dict[EndpointName, _MirrorShare] = Field(default_factory=dict)
    """One deployment without live traffic, to percent (1 to 50) of the requests that it is also
    sent; its answers are compared with the live ones, and thrown away. Empty or 0: none."""

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
        notices = []
        if self.auth_mode != "key":
            notices.append(f"auth_mode {self.auth_mode} has no effect here: keys are used")
        for key, reason in _WITHOUT_EFFECT.items():
            if getattr(self, key) is not None:
                notices.append(f"{key} has no effect here: {reason}")
        return notices


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
            check_name(name)
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
