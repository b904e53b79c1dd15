"""Online deployment documents: what a `tintype online-deployment create --file` YAML may say.

Source of keys and rules: docs/contracts.md §6.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tintype.schemas.data_collector import DataCollector
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import (
    EndpointName,
    TextMap,
    Variables,
    Whole,
    keys_that_count,
    merged_document,
)
from tintype.schemas.model_reference import (
    ModelReference,
    located_model,
    model_notices,
    reference_of,
)
from tintype.schemas.online_deployment_parts import (
    MOST_INSTANCES,
    DefaultScaleSettings,
    ProbeSettings,
    RequestSettings,
    ScaleSettings,
    TargetUtilizationScaleSettings,
)
from tintype.schemas.place import Place, place_notices
from tintype.schemas.scoring_settings import ScoringSettings

__all__ = [
    "OnlineDeploymentDocument",
    "load_online_deployment",
    "read_online_deployment",
    "stored_deployment",
]

# Keys that have no meaning on one's own machine: accepted, each reported in a sentence.
_WITHOUT_EFFECT = {
    "code_configuration": "Tintype scores the model itself",
    "environment": "the model runs in Tintype's own environment",
    "instance_type": "an instance is a process on a machine of yours",
    "app_insights_enabled": "see the endpoint's /metrics and the deployment's logs",
    "egress_public_network_access": "TINTYPE_ALLOW_URLS=false keeps instances from fetching URLs",
    "model_mount_path": "the model is read where it lies",
    "type": "there is one kind of online deployment",
    "app": "Tintype scores the model itself",
    "resources": "instances share the machine's threads",
    "private_network_connection": "the server listens at the address it was started with",
}

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset(
    {
        "id",
        "provisioning_state",
        "creation_context",
        "model_source",
        "error",
        "instances",
        "collected",
        "created_at",
        "modified_at",
    }
)


class OnlineDeploymentDocument(StrictModel):
    """A model behind an endpoint, in one or more instances."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: EndpointName
    """3 to 32 letters, digits and hyphens, a letter first and no hyphen last."""

    endpoint_name: EndpointName
    """The endpoint it belongs to."""

    model: ModelReference
    """`azureml:name:1`, `name:1`, `name@latest`, a registry's URI, a job's output, a folder
    (relative to the document) or a Hub id; or `{path: ...}`."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the deployment."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the deployment."""

    instance_count: Whole = Field(1, ge=1, le=MOST_INSTANCES)
    """Processes that hold the model each."""

    request_settings: RequestSettings = Field(default_factory=RequestSettings)
    """How long a request may take, and how many at the same time."""

    liveness_probe: ProbeSettings = Field(default_factory=ProbeSettings)
    """When an instance counts as hung and is replaced."""

    readiness_probe: ProbeSettings = Field(default_factory=ProbeSettings)
    """When an instance takes requests."""

    scale_settings: ScaleSettings = Field(default_factory=DefaultScaleSettings)
    """`{type: default}`, or `type: target_utilization` with its keys."""

    environment_variables: Variables = Field(default_factory=dict)
    """Set in every instance."""

    data_collector: DataCollector | None = None
    """What is recorded of requests and answers, below `<home>/collected/`. None: nothing."""

    settings: ScoringSettings = Field(default_factory=ScoringSettings)
    """Beyond Azure's: how the model is loaded and how it answers."""

    compute: Place = "local"
    """Beyond Azure's: where instances run. local: this machine. ray: a Ray cluster, as RAY_ADDRESS
    says or a local one; ray://host:port: that cluster. Azure's cluster names mean local."""

    code_configuration: Any = None
    """No effect here."""

    environment: Any = None
    """No effect here."""

    instance_type: Any = None
    """No effect here."""

    app_insights_enabled: Any = None
    """No effect here."""

    egress_public_network_access: Any = None
    """No effect here."""

    model_mount_path: Any = None
    """No effect here."""

    type: Any = None
    """No effect here."""

    app: Any = None
    """No effect here."""

    resources: Any = None
    """No effect here."""

    private_network_connection: Any = None
    """No effect here."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)

    @property
    def model_reference(self) -> str:
        """What names the model, however `model` is written."""
        return reference_of(self.model)

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        notices = [
            f"{key} has no effect here: {reason}"
            for key, reason in _WITHOUT_EFFECT.items()
            if getattr(self, key) is not None
        ]
        notices += model_notices(self.model)
        notices += self.data_collector.notices() if self.data_collector is not None else []
        if self.request_settings.max_queue_wait_ms is not None:
            notices.append(
                "request_settings.max_queue_wait_ms is deprecated and has no effect here"
            )
        scales = isinstance(self.scale_settings, TargetUtilizationScaleSettings)
        if scales and self.instance_count != 1:
            notices.append("instance_count has no effect here: scale_settings decides")
        return notices + place_notices(self.compute)


def load_online_deployment(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> OnlineDeploymentDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    A model that is a folder comes back as an absolute path: from the document's folder where it
    exists there, else from the current one.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    base = Path.cwd() if path is None else path.absolute().parent
    return read_online_deployment(merged_document(path, overrides, options or {}), base)


def read_online_deployment(document: Document, base: Path) -> OnlineDeploymentDocument:
    """Check a document of this kind; a relative model folder is from `base`, or else from here.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    deployment = validate(OnlineDeploymentDocument, document)
    model = located_model(deployment.model, document, base)
    return deployment.model_copy(update={"model": model})


def stored_deployment(content: Mapping[str, Any]) -> OnlineDeploymentDocument:
    """A deployment as the workspace keeps it: checked when it was created, its paths absolute."""
    return OnlineDeploymentDocument.model_validate(content)
