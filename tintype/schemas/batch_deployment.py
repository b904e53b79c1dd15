"""Batch deployment documents: what a `tintype batch-deployment create --file` YAML may say.

Source of Azure's keys and rules: docs/contracts.md §8.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.errors import DocumentError
from tintype.schemas.batch_settings import (
    BatchSettings,
    batch_notices,
    below_settings,
    refuse_twice,
)
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import (
    EndpointName,
    TextMap,
    Whole,
    keys_that_count,
    merged_document,
)
from tintype.schemas.explanation_settings import BatchExplain
from tintype.schemas.model_reference import (
    ModelReference,
    located_model,
    model_notices,
    reference_of,
)
from tintype.schemas.place import Place
from tintype.schemas.scoring_settings import ScoringSettings

__all__ = [
    "BatchDeploymentDocument",
    "BatchResources",
    "load_batch_deployment",
    "read_batch_deployment",
    "stored_batch_deployment",
]

# Keys that have no meaning on one's own machine: accepted, each reported in a sentence.
_WITHOUT_EFFECT = {
    "code_configuration": "Tintype scores the model itself",
    "environment": "the model runs in Tintype's own environment",
}

# What Azure's `show` and ours add; dropped, so that what they print can be edited and given back.
_READ_ONLY = frozenset(
    {
        "id",
        "location",
        "resourceGroup",
        "provisioning_state",
        "creation_context",
        "model_source",
        "created_at",
        "modified_at",
    }
)


class BatchResources(StrictModel):
    """`resources`: how many instances work on a job."""

    instance_count: Annotated[Whole, Field(ge=1)] | None = None
    """Instances that share a job's files. None: 1."""

    instance_type: Any = None
    """No effect here."""

    properties: Any = None
    """No effect here."""

    docker_args: Any = None
    """No effect here."""

    shm_size: Any = None
    """No effect here."""

    @model_validator(mode="before")
    @classmethod
    def _keys_that_count(cls, value: Any) -> Any:
        return keys_that_count(value, ())

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        return [
            f"resources.{key} has no effect here: an instance is a process on a machine of yours"
            for key in ("instance_type", "properties", "docker_args", "shm_size")
            if getattr(self, key) is not None
        ]


def _kind(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() == "pipeline":
        raise ValueError(
            "a pipeline component cannot be deployed here; expected model: deploy each model by "
            "itself"
        )
    return value


class BatchDeploymentDocument(StrictModel):
    """A model behind a batch endpoint, and how it works through files."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: EndpointName
    """3 to 32 letters, digits and hyphens, a letter first and no hyphen last."""

    endpoint_name: EndpointName
    """The endpoint it belongs to."""

    type: Annotated[Literal["model"], BeforeValidator(_kind)] = "model"
    """model. Azure's pipeline component deployments are refused."""

    model: ModelReference
    """`azureml:name:1`, `name:1`, `name@latest`, a registry's URI, a job's output, a folder
    (relative to the document) or a Hub id; or `{path: ...}`."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the deployment."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the deployment."""

    settings: BatchSettings = Field(default_factory=BatchSettings)
    """How files are handed out, what may fail, and what is written. Azure's own of these keys may
    also stand at the document's root."""

    instance_count: Annotated[Whole, Field(ge=1)] | None = None
    """Instances that share a job's files, here or as resources.instance_count. None: 1."""

    resources: BatchResources = Field(default_factory=BatchResources)
    """`instance_count`: how many instances share a job's files."""

    compute: Place = "local"
    """Where instances run. local: this machine. Beyond Azure's: ray, a Ray cluster, as RAY_ADDRESS
    says or a local one; ray://host:port: that cluster. Azure's cluster names mean local."""

    scoring: ScoringSettings = Field(default_factory=ScoringSettings)
    """Beyond Azure's: how the model is loaded and how it answers."""

    explain: BatchExplain = None
    """Beyond Azure's: also explain answers, as batch jobs do (docs/jobs.md)."""

    code_configuration: Any = None
    """No effect here."""

    environment: Any = None
    """No effect here."""

    @model_validator(mode="before")
    @classmethod
    def _settled(cls, value: Any) -> Any:
        return below_settings(keys_that_count(value, _READ_ONLY))

    @property
    def model_reference(self) -> str:
        """What names the model, however `model` is written."""
        return reference_of(self.model)

    @property
    def instances(self) -> int:
        """Instances that share a job's files, wherever the document says so."""
        return self.resources.instance_count or self.instance_count or 1

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        notices = [
            f"{key} has no effect here: {reason}"
            for key, reason in _WITHOUT_EFFECT.items()
            if getattr(self, key) is not None
        ]
        notices += model_notices(self.model) + self.resources.notices()
        return notices + batch_notices(self.compute, self.instances, self.scoring)


def load_batch_deployment(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> BatchDeploymentDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    A model that is a folder comes back as an absolute path: from the document's folder where it
    exists there, else from the current one.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    base = Path.cwd() if path is None else path.absolute().parent
    return read_batch_deployment(merged_document(path, overrides, options or {}), base)


def read_batch_deployment(document: Document, base: Path) -> BatchDeploymentDocument:
    """Check a document of this kind; a relative model folder is from `base`, or else from here.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    refuse_twice(document)
    deployment = validate(BatchDeploymentDocument, document)
    if deployment.instance_count is not None and deployment.resources.instance_count is not None:
        raise DocumentError(
            "stands here and as resources.instance_count; keep one",
            file=document.path,
            line=document.line(("instance_count",)),
            field="instance_count",
        )
    model = located_model(deployment.model, document, base)
    return deployment.model_copy(update={"model": model})


def stored_batch_deployment(content: Mapping[str, Any]) -> BatchDeploymentDocument:
    """A deployment as the workspace keeps it: checked when it was created, its paths absolute."""
    return BatchDeploymentDocument.model_validate(content)
