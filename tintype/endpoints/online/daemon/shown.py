"""Records as commands and the SDK show them: Azure's keys, with what they are worth here."""

from __future__ import annotations

from typing import Any

from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord

__all__ = ["shown_deployment", "shown_endpoint"]


def shown_endpoint(record: EndpointRecord, address: str) -> dict[str, Any]:
    """The endpoint's document with its addresses and state."""
    base = f"{address}/{record.name}"
    return {
        "name": record.name,
        "description": record.document.get("description"),
        "tags": record.document.get("tags") or {},
        "properties": record.document.get("properties") or {},
        "auth_mode": "key",
        "kind": "Managed",
        "scoring_uri": f"{base}/score",
        "openapi_uri": f"{base}/swagger.json",
        "playground_uri": f"{base}/",
        "provisioning_state": record.provisioning_state,
        "traffic": record.traffic,
        "mirror_traffic": record.mirror_traffic,
        "rate_limit": record.document.get("rate_limit"),
        "created_at": record.created_at,
        "modified_at": record.modified_at,
    }


def shown_deployment(
    record: DeploymentRecord,
    instances: list[dict[str, Any]],
    collected: dict[str, int] | None = None,
) -> dict[str, Any]:
    """The deployment's document with its state and instances.

    Args:
        collected: see `protocol.Deployment.collected`.
    """
    document = {key: value for key, value in record.document.items() if key != "$schema"}
    return {
        "name": record.name,
        "endpoint_name": record.endpoint,
        "model": document.pop("model"),
        "model_source": record.model,
        "provisioning_state": record.provisioning_state,
        "error": record.error,
        "instances": instances,
        **({} if collected is None else {"collected": collected}),
        **{k: v for k, v in document.items() if k not in ("name", "endpoint_name")},
        "created_at": record.created_at,
        "modified_at": record.modified_at,
    }
