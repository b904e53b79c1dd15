"""Records of batch endpoints and their deployments: JSON files below `<home>/batch-endpoints/`.

    batch-endpoints/<endpoint>/endpoint.json
                               deployments/<deployment>.json

No process looks after them: commands and the SDK read and write them, each write atomic.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import write_json
from tintype.schemas.batch_deployment import stored_batch_deployment
from tintype.schemas.batch_endpoint import stored_batch_endpoint
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["BatchDeploymentRecord", "BatchEndpointRecord", "BatchEndpointStore"]

# Of Azure's words the one that is ever true of a record: it is there as soon as it is written.
_STATE = "Succeeded"


@dataclass(frozen=True)
class BatchEndpointRecord:
    """A batch endpoint."""

    name: str
    document: dict[str, Any]
    """As it was written, checked; `defaults.deployment_name` changes with the default."""
    created_at: str = field(default_factory=now)
    modified_at: str = field(default_factory=now)

    @property
    def default_deployment(self) -> str | None:
        """The deployment that works where an invocation names none."""
        name: str | None = (self.document.get("defaults") or {}).get("deployment_name")
        return name

    def with_default(self, deployment: str | None) -> BatchEndpointRecord:
        """A copy with another default deployment, modified now."""
        document = {**self.document, "defaults": {"deployment_name": deployment}}
        return replace(self, document=document, modified_at=now())

    def shown(self) -> dict[str, Any]:
        """The endpoint as commands print it."""
        document = stored_batch_endpoint(self.document)
        return {
            "name": self.name,
            "description": document.description,
            "tags": document.tags,
            "properties": document.properties,
            "auth_mode": document.auth_mode,
            "defaults": {"deployment_name": self.default_deployment},
            "provisioning_state": _STATE,
            "created_at": self.created_at,
            "modified_at": self.modified_at,
        }


@dataclass(frozen=True)
class BatchDeploymentRecord:
    """A deployment of a batch endpoint."""

    endpoint: str
    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    model: str
    """What the document's model stood for when it was written: a folder, or a Hub id."""
    created_at: str = field(default_factory=now)
    modified_at: str = field(default_factory=now)

    def shown(self) -> dict[str, Any]:
        """The deployment as commands print it, defaults included."""
        document = stored_batch_deployment(self.document)
        keys = document.model_dump(mode="json", exclude={"schema_", "model"}, exclude_none=True)
        if not keys["resources"]:
            keys = {**keys, "resources": {"instance_count": document.instances}}
            keys.pop("instance_count", None)
        return {
            "name": self.name,
            "endpoint_name": self.endpoint,
            "model": self.document["model"],
            "model_source": self.model,
            "provisioning_state": _STATE,
            **{key: value for key, value in keys.items() if key not in ("name", "endpoint_name")},
            "created_at": self.created_at,
            "modified_at": self.modified_at,
        }


class BatchEndpointStore:
    """Reads and writes records; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "batch-endpoints"

    def endpoint(self, name: str) -> BatchEndpointRecord:
        """
        Raises:
            UsageError: no such endpoint; names the nearest.
        """
        known = {record.name: record for record in self.endpoints()}
        if name not in known:
            raise UsageError(f"there is no batch endpoint {name!r}.{nearest(name, known)}")
        return known[name]

    def endpoints(self) -> list[BatchEndpointRecord]:
        """All, by name."""
        paths = sorted(self._root.glob("*/endpoint.json"))
        return [BatchEndpointRecord(**content) for path in paths if (content := _read(path))]

    def deployment(self, endpoint: str, name: str) -> BatchDeploymentRecord:
        """
        Raises:
            UsageError: no such endpoint, or no such deployment of it; names the nearest.
        """
        known = {record.name: record for record in self.deployments(endpoint)}
        if name not in known:
            raise UsageError(
                f"batch endpoint {endpoint!r} has no deployment {name!r}.{nearest(name, known)}"
            )
        return known[name]

    def deployments(self, endpoint: str) -> list[BatchDeploymentRecord]:
        """All of one endpoint, by name.

        Raises:
            UsageError: no such endpoint; names the nearest.
        """
        folder = self._root / self.endpoint(endpoint).name / "deployments"
        paths = sorted(folder.glob("[!.]*.json"))
        return [BatchDeploymentRecord(**content) for path in paths if (content := _read(path))]

    def save(self, record: BatchEndpointRecord | BatchDeploymentRecord) -> None:
        """
        Raises:
            OutputError: the workspace cannot be written.
        """
        if isinstance(record, BatchEndpointRecord):
            path = self._root / record.name / "endpoint.json"
        else:
            path = self._file(record)
        write_json(path, asdict(record))

    def delete_endpoint(self, name: str) -> None:
        """Remove an endpoint with its deployments; jobs that it started stay.

        Raises:
            UsageError: no such endpoint.
            OutputError: the workspace cannot be written.
        """
        folder = self._root / self.endpoint(name).name
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"cannot remove {folder}: {error.strerror}") from None

    def delete_deployment(self, endpoint: str, name: str) -> None:
        """Remove a deployment; jobs that it started stay.

        Raises:
            UsageError: no such endpoint or deployment.
            OutputError: the workspace cannot be written.
        """
        path = self._file(self.deployment(endpoint, name))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot remove {path}: {error.strerror}") from None

    def _file(self, record: BatchDeploymentRecord) -> Path:
        return self._root / record.endpoint / "deployments" / f"{record.name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    """What a record's file holds; None where it was removed in this moment."""
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot read {path}: {error}") from None
    return content
