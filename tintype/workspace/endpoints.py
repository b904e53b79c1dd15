"""Records of online endpoints and their deployments: JSON files below `<home>/endpoints/`.

    endpoints/<endpoint>/endpoint.json
    endpoints/<endpoint>/deployments/<deployment>/deployment.json, logs/

One process writes them (the daemon); anybody may read them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import write_json
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = [
    "DeploymentRecord",
    "EndpointRecord",
    "EndpointStore",
    "ProvisioningState",
    "is_endpoint_name",
]

ProvisioningState = Literal["Creating", "Updating", "Succeeded", "Failed", "Deleting"]
"""Azure's words."""


@dataclass(frozen=True)
class EndpointRecord:
    """An endpoint, without its keys: those are kept as digests."""

    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    key_digests: dict[str, str]
    """`primary`, `secondary` -> SHA-256 in hexadecimal."""
    traffic: dict[str, int] = field(default_factory=dict)
    mirror_traffic: dict[str, int] = field(default_factory=dict)
    provisioning_state: ProvisioningState = "Succeeded"
    created_at: str = field(default_factory=now)
    modified_at: str = field(default_factory=now)

    def changed(self, **changes: Any) -> EndpointRecord:
        """A copy with `changes`, modified now."""
        return replace(self, **{"modified_at": now(), **changes})


@dataclass(frozen=True)
class DeploymentRecord:
    """A deployment: what was asked for, and how far that has come."""

    endpoint: str
    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    model: str
    """What the document's model stands for: a folder, or a Hub id."""
    generation: int = 1
    """Of the instances that serve it, or are to."""
    last_generation: int = 1
    """Counts up with every update that needs other instances, also with those that fail."""
    provisioning_state: ProvisioningState = "Creating"
    error: str | None = None
    """Why it failed, or why the last update did not take."""
    previous: dict[str, Any] | None = None
    """While it is updated: document, model and generation that serve until the new ones do."""
    created_at: str = field(default_factory=now)
    modified_at: str = field(default_factory=now)

    @property
    def owner(self) -> tuple[str, str]:
        """Its endpoint's name and its own."""
        return self.endpoint, self.name

    def changed(self, **changes: Any) -> DeploymentRecord:
        """A copy with `changes`, modified now."""
        return replace(self, **{"modified_at": now(), **changes})


class EndpointStore:
    """Reads and writes records; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        self._root = (home or get_settings().home) / "endpoints"

    def endpoint(self, name: str) -> EndpointRecord:
        """
        Raises:
            UsageError: no such endpoint; names the nearest.
        """
        content = (
            self._read(self._root / name / "endpoint.json") if is_endpoint_name(name) else None
        )
        if content is None:
            hint = nearest(name, [record.name for record in self.endpoints()])
            raise UsageError(f"there is no online endpoint {name!r}.{hint}")
        return EndpointRecord(**content)

    def endpoints(self) -> list[EndpointRecord]:
        """All, by name."""
        records = [self._read(path) for path in sorted(self._root.glob("*/endpoint.json"))]
        return [EndpointRecord(**content) for content in records if content is not None]

    def deployment(self, endpoint: str, name: str) -> DeploymentRecord:
        """
        Raises:
            UsageError: no such endpoint, or no such deployment of it; names the nearest.
        """
        self.endpoint(endpoint)
        content = (
            self._read(self.folder(endpoint, name) / "deployment.json")
            if is_endpoint_name(name)
            else None
        )
        if content is None:
            hint = nearest(name, [record.name for record in self.deployments(endpoint)])
            raise UsageError(f"endpoint {endpoint!r} has no deployment {name!r}.{hint}")
        return DeploymentRecord(**content)

    def deployments(self, endpoint: str) -> list[DeploymentRecord]:
        """All of one endpoint, by name."""
        paths = sorted((self._root / endpoint / "deployments").glob("*/deployment.json"))
        records = [self._read(path) for path in paths]
        return [DeploymentRecord(**content) for content in records if content is not None]

    def save(self, record: EndpointRecord | DeploymentRecord) -> None:
        """
        Raises:
            OutputError: the workspace cannot be written.
        """
        if isinstance(record, EndpointRecord):
            path = self._root / record.name / "endpoint.json"
        else:
            path = self.folder(record.endpoint, record.name) / "deployment.json"
        write_json(path, asdict(record))

    def delete_endpoint(self, name: str) -> None:
        """Remove an endpoint with all that is kept of it."""
        shutil.rmtree(self._root / name, ignore_errors=True)

    def delete_deployment(self, endpoint: str, name: str) -> None:
        """Remove a deployment with its logs."""
        shutil.rmtree(self.folder(endpoint, name), ignore_errors=True)

    def folder(self, endpoint: str, deployment: str) -> Path:
        """Where a deployment's record and logs lie."""
        return self._root / endpoint / "deployments" / deployment

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None
        return content if isinstance(content, dict) else None


def is_endpoint_name(name: str) -> bool:
    """Whether `name` can be one folder's, such as an endpoint's; documents allow far less."""
    return bool(name) and all(c.isalnum() or c in "-_" for c in name)
