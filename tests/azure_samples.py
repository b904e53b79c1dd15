"""Azure's public documents, as docs/contracts.md quotes them."""

from __future__ import annotations

# §6.2; all four image tasks use it.
AZURE_DEPLOYMENT = """
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: demo
instance_type: Standard_DS3_v2
instance_count: 1
liveness_probe: {initial_delay: 180, period: 180, failure_threshold: 49, timeout: 299}
request_settings: {request_timeout_ms: 90000}
"""
