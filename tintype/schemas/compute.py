"""Compute documents: what a `tintype compute create --file` YAML may say.

Keys as in Azure's CLI (v2) compute YAML schemas, and `ray`, a kind of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import (
    Seconds,
    TextMap,
    Whole,
    keys_that_count,
    merged_document,
)
from tintype.schemas.place import runs_in_ray

__all__ = ["ComputeDocument", "load_compute", "read_compute"]

_READ_ONLY = frozenset(
    {
        "id",
        "resourceGroup",
        "provisioning_state",
        "provisioning_errors",
        "created_on",
        "state",
        "place",
    }
)

# What `compute:` of a document means by itself.
_RESERVED = ("local", "ray")

_WITHOUT_EFFECT = (
    "size",
    "min_instances",
    "max_instances",
    "idle_time_before_scale_down",
    "tier",
    "location",
    "identity",
    "network_settings",
    "ssh_settings",
    "ssh_public_access_enabled",
    "enable_node_public_ip",
    "namespace",
)


def _name(value: str) -> str:
    if value in _RESERVED:
        raise ValueError(f"{value!r} has a meaning of its own under compute; take another name")
    return value


def _address(value: str) -> str:
    if not runs_in_ray(value):
        raise ValueError(f"{value!r} given; expected ray://HOST:PORT, or ray for RAY_ADDRESS")
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class ComputeDocument(StrictModel):
    """A name for a place where work runs: this machine, or a Ray cluster."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][-\w]{0,63}$"), AfterValidator(_name)]
    """Up to 64 letters, digits, '-' and '_', a letter or digit first."""

    type: Annotated[
        Literal[
            "amlcompute", "computeinstance", "kubernetes", "virtualmachine", "synapsespark", "ray"
        ],
        BeforeValidator(_lower),
    ] = "amlcompute"
    """ray: the cluster at `address`. Azure's kinds mean this machine."""

    address: Annotated[str, AfterValidator(_address)] | None = None
    """Beyond Azure's: ray://HOST:PORT, or ray for the cluster that RAY_ADDRESS names."""

    resource_id: str | None = None
    """Azure's way to say what is attached; where it is ray://HOST:PORT, the same as address."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with it."""

    size: str | None = None
    """No effect here, like all keys that follow."""
    min_instances: Whole | None = Field(None, ge=0)
    max_instances: Whole | None = Field(None, ge=0)
    idle_time_before_scale_down: Seconds | None = Field(None, ge=0)
    tier: str | None = None
    location: str | None = None
    identity: Any = None
    network_settings: Any = None
    ssh_settings: Any = None
    ssh_public_access_enabled: bool | None = None
    enable_node_public_ip: bool | None = None
    namespace: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _settled(cls, value: Any) -> Any:
        given = keys_that_count(value, _READ_ONLY)
        if not isinstance(given, Mapping):
            return given
        at = given.get("resource_id")
        if isinstance(at, str) and runs_in_ray(at):
            given = {"address": at, **{key: given[key] for key in given if key != "resource_id"}}
        if "address" in given and "type" not in given:
            given = {**given, "type": "ray"}
        return given

    @model_validator(mode="after")
    def _address_of_ray(self) -> ComputeDocument:
        if self.type == "ray" and self.address is None:
            raise ValueError("type ray needs an address: ray://HOST:PORT")
        if self.type != "ray" and self.address is not None:
            raise ValueError(f"an address is for type ray, not {self.type}")
        return self

    @property
    def place(self) -> str:
        """Where work runs that names it; see `schemas.place.Place`."""
        return self.address or "local"

    def notices(self) -> list[str]:
        """One sentence for what was given and has no effect here."""
        given = [key for key in _WITHOUT_EFFECT if key in self.model_fields_set]
        notices = [f"{', '.join(given)} of compute {self.name}: no effect here"] if given else []
        if self.place == "local":
            notices.append(f"compute {self.name} means this machine here")
        return notices


def load_compute(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ComputeDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_compute(merged_document(path, overrides, options or {}))


def read_compute(document: Document) -> ComputeDocument:
    """Check a document of this kind.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    return validate(ComputeDocument, document)
