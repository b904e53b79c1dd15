"""From a deployment's record to what its processes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tintype.endpoints.online.deployments.protocol import DeploymentPlan
from tintype.endpoints.online.deployments.scaling import Autoscaler
from tintype.schemas.online_deployment import OnlineDeploymentDocument, stored_deployment
from tintype.schemas.online_deployment_parts import TargetUtilizationScaleSettings
from tintype.schemas.place import place_of
from tintype.settings import get_settings
from tintype.workspace.endpoints import DeploymentRecord

__all__ = ["needs_new_instances", "plan_of"]

# Calls that an instance may have where the document does not say: several full micro-batches.
_MOST_IN_FLIGHT = 128

_MOST_WAITING_IMAGES = 512


def plan_of(record: DeploymentRecord) -> DeploymentPlan:
    """What the record's current document asks for."""
    document = stored_deployment(record.document)
    requests = document.request_settings
    concurrent = requests.max_concurrent_requests_per_instance
    probe = document.readiness_probe
    return DeploymentPlan(
        specification={
            "endpoint": record.endpoint,
            "deployment": record.name,
            "generation": record.generation,
            "model": record.model,
            "settings": {
                "scoring": document.settings.options().model_dump(mode="json", exclude_unset=True),
                "style": document.settings.response_style,
                "on_row_error": document.settings.on_row_error,
                "max_waiting": _MOST_WAITING_IMAGES,
            },
            "collector": _collector(document),
        },
        environment={**document.environment_variables, **get_settings().environment()},
        threads=document.settings.threads or _threads_in(document.environment_variables),
        compute=place_of(document.compute),
        generation=record.generation,
        instances=document.instance_count,
        timeout_s=requests.request_timeout_ms / 1000,
        # Azure's rule: as many again may wait as are worked on.
        most_in_flight=_MOST_IN_FLIGHT if concurrent is None else 2 * concurrent,
        start_seconds=float(probe.initial_delay + probe.period * probe.failure_threshold),
        scaler=_scaler(document),
    )


def needs_new_instances(old: DeploymentRecord, new: DeploymentRecord) -> bool:
    """Whether instances of `old` cannot serve `new`."""
    before, after = plan_of(old), plan_of(new)
    same = {**before.specification, "generation": 0} == {**after.specification, "generation": 0}
    return not same or before.environment != after.environment


def _threads_in(variables: Mapping[str, str]) -> int | None:
    """Threads that a deployment's own environment sets; None where it does not."""
    given = variables.get("TINTYPE_THREADS", "")
    return int(given) if given.isdigit() and int(given) else None


def _collector(document: OnlineDeploymentDocument) -> dict[str, Any] | None:
    """What is to be recorded; None: nothing."""
    collector = document.data_collector
    if collector is None or not (collector.inputs_rate or collector.outputs_rate):
        return None
    return collector.model_dump(mode="json", exclude_none=True)


def _scaler(document: OnlineDeploymentDocument) -> Autoscaler | None:
    scale = document.scale_settings
    if not isinstance(scale, TargetUtilizationScaleSettings):
        return None
    return Autoscaler(
        polling_interval_s=scale.polling_interval,
        target_utilization_percentage=scale.target_utilization_percentage,
        min_instances=scale.min_instances,
        max_instances=scale.max_instances,
    )
