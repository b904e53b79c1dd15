"""`type: pipeline`: several steps in one document, each fed by what others make.

Keys as in Azure's CLI (v2) pipeline job YAML schema. What the nodes come to is told by
`jobs/pipeline/graph.py`, which also has the components that they name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from tintype.schemas.component import nodes_with_files
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.job_parts import JobHead, take_ignored
from tintype.schemas.place import Place, place_notices
from tintype.schemas.ports import CommandLimits, DataValue, OutputPort, checked_names, fixed_paths

__all__ = ["NodeDocument", "PipelineJob", "PipelineSettings", "read_pipeline_job"]

# Azure's keys that have no meaning on one's own machine: accepted, reported once.
_WITHOUT_EFFECT = ("identity", "queue_settings", "services")


class PipelineSettings(StrictModel):
    """How a pipeline is run."""

    default_compute: Place | None = None
    """Where nodes run that name no `compute`: ray, ray://host:port, or any other name for this machine."""

    default_datastore: str | None = None
    """No effect here."""

    continue_on_step_failure: bool = False
    """After a node has failed, still run those that do not need it."""

    continue_run_on_failed_optional_input: bool | None = None
    """No effect here."""

    force_rerun: bool = False
    """Run every node, also where an earlier pipeline has done the same work."""

    max_concurrent_nodes: int | None = Field(None, ge=1)
    """Nodes at the same time; left out: as many as there are CPU threads."""


class PipelineJob(JobHead):
    """Run the nodes of a graph, each as soon as what it needs is there."""

    type: Literal["pipeline"] = "pipeline"
    """The kind of job."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    """Name to a literal, or to data: `{type: uri_folder, path: ...}`. Nodes take them as
    `${{parent.inputs.NAME}}`."""

    outputs: dict[str, OutputPort] = Field(default_factory=dict)
    """Name to `{type: ...}`. A node makes one by `outputs: {its_output: ${{parent.outputs.NAME}}}`."""

    jobs: dict[str, dict[str, Any]] = Field(min_length=1)
    """Name to a node: see docs/pipelines.md."""

    settings: PipelineSettings = Field(default_factory=PipelineSettings)
    """How it is run."""

    compute: Place | None = None
    """As `settings.default_compute`."""

    @field_validator("inputs", "outputs", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("inputs", "outputs", "jobs")
    @classmethod
    def _named(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_names(value)

    @property
    def place(self) -> str | None:
        """Where its nodes run that do not say it."""
        return self.compute or self.settings.default_compute

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        place = [] if self.place is None else place_notices(self.place)
        return [*super().notices(), *place]

    def output_paths(self) -> list[str]:
        """Where `outputs` are also to be copied."""
        return fixed_paths(self.outputs)


class NodeDocument(StrictModel):
    """A node that runs a component, or a command that is written out in it."""

    name: str | None = None
    """As the SDK writes it: the node's own name once more."""

    type: str | None = None
    """command, pipeline, sweep or parallel; left out: what the component is."""

    component: dict[str, Any] | str | None = None
    """A component's file, a component of the workspace or of Azure's registry."""

    base: str
    """Folder of its relative paths."""

    written_at: str | None = None
    """File, line and field of the node, for what is told of it while it runs."""

    code_digest: str | None = None
    """Of the copy of the code that it runs."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    """Name to a literal, to data, or to a reference."""

    outputs: dict[str, Any] = Field(default_factory=dict)
    """Name to `{type: ...}`, or to `${{parent.outputs.NAME}}`."""

    command: str | None = None
    """See `CommandJob`."""

    code: str | None = None
    """See `CommandJob`."""

    environment: str | dict[str, Any] | None = None
    """See `CommandJob`."""

    environment_variables: dict[str, Any] | str | None = None
    """See `CommandJob`."""

    resources: dict[str, Any] | None = None
    """No effect here."""

    limits: CommandLimits | None = None
    """`timeout`: seconds."""

    compute: str | None = None
    """ray, ray://host:port, or any other name for this machine."""

    display_name: str | None = None
    """For people."""

    experiment_name: str | None = None
    """No effect: that of the pipeline counts."""

    description: str | None = None
    """For people."""

    comment: str | None = None
    """For people."""

    tags: dict[str, str] | None = None
    """Written to the node's MLflow run."""

    properties: dict[str, str] | None = None
    """Kept with the node's run."""

    is_deterministic: bool | None = None
    """Whether the same inputs give the same outputs."""

    distribution: dict[str, Any] | None = None
    """No effect here."""

    identity: dict[str, Any] | None = None
    """No effect here."""

    services: dict[str, Any] | None = None
    """No effect here."""

    queue_settings: dict[str, Any] | None = None
    """No effect here."""

    settings: dict[str, Any] | None = None
    """Of a pipeline within: no effect, those of the pipeline around it count."""

    @field_validator("inputs", "outputs", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return {} if value is None else value


def read_pipeline_job(document: Document, base: Path) -> PipelineJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "pipeline"}
    ignored = take_ignored(data, _WITHOUT_EFFECT)
    job = validate(PipelineJob, Document(data, document.path, document.lines))
    update: dict[str, Any] = {
        "jobs": nodes_with_files(job.jobs, document, base),
        "inputs": {name: _located(value, base) for name, value in job.inputs.items()},
        "outputs": {
            name: output.model_copy(
                update={"path": str((base / Path(output.path).expanduser()).resolve())}
            )
            if output.path and ":" not in output.path
            else output
            for name, output in job.outputs.items()
        },
        "without_effect": tuple(ignored),
        "source": document,
    }
    if not job.outputs:
        del update["outputs"]
    return job.model_copy(update=update)


def _located(value: Any, base: Path) -> Any:
    """An input's value with an absolute path, where it has one."""
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return value
    return {**value, "path": DataValue(path=value["path"]).located(base).path}
