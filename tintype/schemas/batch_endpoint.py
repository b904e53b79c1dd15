"""Batch endpoint documents: what a `tintype batch-endpoint create --file` YAML may say.

Source of keys and rules: docs/contracts.md §8.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import (
    AuthMode,
    EndpointName,
    TextMap,
    keys_that_count,
    merged_document,
)

__all__ = [
    "BatchEndpointDocument",
    "EndpointDefaults",
    "load_batch_endpoint",
    "read_batch_endpoint",
    "stored_batch_endpoint",
]

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset(
    {
        "id",
        "location",
        "resourceGroup",
        "provisioning_state",
        "scoring_uri",
        "openapi_uri",
        "creation_context",
        "created_at",
        "modified_at",
    }
)


class EndpointDefaults(StrictModel):
    """`defaults`: what an invocation takes that does not say."""

    deployment_name: EndpointName | None = None
    """The deployment that works where none is named."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, ())


class BatchEndpointDocument(StrictModel):
    """A stable name for batch work, behind which deployments can change."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: EndpointName
    """3 to 32 letters, digits and hyphens, a letter first and no hyphen last."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the endpoint."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the endpoint."""

    auth_mode: AuthMode = "aad_token"
    """No effect here: who may use the workspace's folder may invoke its endpoints."""

    defaults: EndpointDefaults = Field(default_factory=EndpointDefaults)
    """`deployment_name`: the deployment that works where an invocation names none."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        if self.auth_mode == "aad_token":
            return []
        return [
            f"auth_mode {self.auth_mode} has no effect here: who may use the workspace's folder may "
            "invoke its endpoints"
        ]


def load_batch_endpoint(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> BatchEndpointDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_batch_endpoint(merged_document(path, overrides, options or {}))


def read_batch_endpoint(document: Document) -> BatchEndpointDocument:
    """Check a document of this kind.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    return validate(BatchEndpointDocument, document)


def stored_batch_endpoint(content: Mapping[str, Any]) -> BatchEndpointDocument:
    """An endpoint as the workspace keeps it: checked when it was created."""
    return BatchEndpointDocument.model_validate(content)
