"""Batch endpoints and deployments from Python, and the job that an invocation asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tintype.data.locations import local_path
from tintype.errors import UsageError
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.batch_deployment import (
    BatchDeploymentDocument,
    load_batch_deployment,
    read_batch_deployment,
    stored_batch_deployment,
)
from tintype.schemas.batch_endpoint import (
    BatchEndpointDocument,
    load_batch_endpoint,
    read_batch_endpoint,
)
from tintype.schemas.batch_job import BatchInput, BatchJob, read_batch_job
from tintype.schemas.batch_settings import placed_overrides
from tintype.schemas.document import Document, apply_overrides
from tintype.settings import get_settings
from tintype.workspace.batch_endpoints import (
    BatchDeploymentRecord,
    BatchEndpointRecord,
    BatchEndpointStore,
)
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import RunRecord, RunStore, now

__all__ = ["BatchDeployments", "BatchEndpoints", "InputLike", "job_of"]

InputLike = BatchInput | Mapping[str, Any] | str | Path
"""An input as invocations take it: its path, `{path: ..., type: ...}`, or one that was read."""


class BatchEndpoints:
    """Stable names for batch work."""

    def create_or_update(
        self, endpoint: BatchEndpointDocument | str | Path, overrides: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Create an endpoint by a document or its YAML file, or replace the document of one.

        Its deployments stay, and so does the default one where the document names none.
        """
        if not isinstance(endpoint, BatchEndpointDocument):
            endpoint = load_batch_endpoint(Path(endpoint), overrides)
        store = BatchEndpointStore()
        record = BatchEndpointRecord(endpoint.name, _written(endpoint))
        old = next((known for known in store.endpoints() if known.name == record.name), None)
        if old is not None:
            record = replace(record, created_at=old.created_at)
            if record.default_deployment is None:
                record = record.with_default(old.default_deployment)
        store.save(record)
        return record.shown()

    def update(
        self,
        name: str,
        changes: Document | Mapping[str, Any] | None = None,
        overrides: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Change keys of an endpoint's document, then apply `overrides` (`--set`) to it.

        Raises:
            UsageError: no such endpoint, or no such deployment to be the default.
        """
        store = BatchEndpointStore()
        old = store.endpoint(name)
        given = changes if isinstance(changes, Document) else Document(dict(changes or {}))
        merged = Document({**old.document, **given.data, "name": name}, given.path, given.lines)
        endpoint = read_batch_endpoint(apply_overrides(merged, overrides))
        if endpoint.name != name:
            raise UsageError(f"an endpoint's name stays: {name!r} cannot become {endpoint.name!r}")
        record = replace(old, document=_written(endpoint), modified_at=now())
        default = record.default_deployment
        if default is not None and default != old.default_deployment:
            store.deployment(name, default)
        store.save(record)
        return record.shown()

    def get(self, name: str) -> dict[str, Any]:
        """One endpoint.

        Raises:
            UsageError: there is none of that name.
        """
        return BatchEndpointStore().endpoint(name).shown()

    def list_jobs(self, endpoint_name: str) -> list[RunRecord]:
        """Jobs that were started through an endpoint, newest first.

        Raises:
            UsageError: there is no such endpoint.
        """
        BatchEndpointStore().endpoint(endpoint_name)
        return _jobs({"endpoint_name": endpoint_name})

    def list(self) -> list[dict[str, Any]]:
        """All endpoints, by name."""
        return [record.shown() for record in BatchEndpointStore().endpoints()]

    def delete(self, name: str) -> None:
        """Remove an endpoint with its deployments; jobs that it started go on and stay.

        Raises:
            UsageError: there is none of that name.
        """
        BatchEndpointStore().delete_endpoint(name)


class BatchDeployments:
    """Models behind batch endpoints."""

    def create_or_update(
        self,
        deployment: BatchDeploymentDocument | str | Path,
        overrides: Sequence[str] = (),
        *,
        set_default: bool = False,
    ) -> dict[str, Any]:
        """Create a deployment by a document or its YAML file, or replace one.

        Args:
            set_default: also have the endpoint use it where an invocation names none.

        Raises:
            UsageError: the document, endpoint or model is wrong.
        """
        return self._put(deployment, overrides, set_default=set_default)

    def update(
        self,
        deployment: BatchDeploymentDocument | str | Path,
        overrides: Sequence[str] = (),
        *,
        set_default: bool = False,
    ) -> dict[str, Any]:
        """Replace the document of a deployment; jobs under way go on with the old one.

        Raises:
            UsageError: as `create_or_update`, or there is none of that name.
        """
        return self._put(deployment, overrides, set_default=set_default, must_exist=True)

    def edited(
        self, name: str, endpoint_name: str, overrides: Sequence[str]
    ) -> BatchDeploymentDocument:
        """The document of a deployment with `overrides` (`--set`) applied, to be given to `update`.

        Raises:
            UsageError: there is none of that name, or what came out is no deployment.
        """
        record = BatchEndpointStore().deployment(endpoint_name, name)
        document = apply_overrides(Document(record.document), placed_overrides(overrides))
        return read_batch_deployment(document, Path.cwd())

    def set_default(self, name: str, endpoint_name: str) -> dict[str, Any]:
        """Have the endpoint use this deployment where an invocation names none; the endpoint.

        Raises:
            UsageError: there is no such endpoint or deployment.
        """
        store = BatchEndpointStore()
        store.deployment(endpoint_name, name)
        record = store.endpoint(endpoint_name).with_default(name)
        store.save(record)
        return record.shown()

    def get(self, name: str, endpoint_name: str) -> dict[str, Any]:
        """One deployment.

        Raises:
            UsageError: there is none of that name.
        """
        return BatchEndpointStore().deployment(endpoint_name, name).shown()

    def list_jobs(self, name: str, endpoint_name: str) -> list[RunRecord]:
        """Jobs that a deployment works on or has worked on, newest first.

        Raises:
            UsageError: there is no such deployment.
        """
        BatchEndpointStore().deployment(endpoint_name, name)
        return _jobs({"endpoint_name": endpoint_name, "deployment_name": name})

    def list(self, endpoint_name: str) -> list[dict[str, Any]]:
        """All deployments of an endpoint, by name."""
        return [record.shown() for record in BatchEndpointStore().deployments(endpoint_name)]

    def delete(self, name: str, endpoint_name: str) -> None:
        """Remove a deployment; jobs that it started go on and stay. If it was the endpoint's
        default, there is none then.

        Raises:
            UsageError: there is none of that name.
        """
        store = BatchEndpointStore()
        endpoint = store.endpoint(endpoint_name)
        store.delete_deployment(endpoint_name, name)
        if endpoint.default_deployment == name:
            store.save(endpoint.with_default(None))

    def _put(
        self,
        deployment: BatchDeploymentDocument | str | Path,
        overrides: Sequence[str],
        *,
        set_default: bool,
        must_exist: bool = False,
    ) -> dict[str, Any]:
        if not isinstance(deployment, BatchDeploymentDocument):
            deployment = load_batch_deployment(Path(deployment), overrides)
        store = BatchEndpointStore()
        endpoint, name = deployment.endpoint_name, deployment.name
        known = {record.name: record for record in store.deployments(endpoint)}
        old = store.deployment(endpoint, name) if must_exist else known.get(name)
        model = resolve_model(deployment.model_reference)
        check_obtainable(model)
        record = BatchDeploymentRecord(endpoint, name, _written(deployment), model)
        if old is not None:
            record = replace(record, created_at=old.created_at)
        store.save(record)
        if set_default:
            self.set_default(name, endpoint)
        return record.shown()


def job_of(
    endpoint_name: str,
    *,
    inputs: Mapping[str, InputLike],
    deployment_name: str | None = None,
    output_path: str | Path | None = None,
    overrides: Sequence[str] = (),
    job_name: str | None = None,
    instance_count: int | None = None,
    mini_batch_size: int | None = None,
    experiment_name: str | None = None,
) -> BatchJob:
    """The job that an invocation of an endpoint asks for; nothing is started.

    Args:
        inputs: name to files; relative paths are from the current folder.
        deployment_name: None takes the endpoint's default.
        output_path: where the rows are also written; a folder, or a datastore's path.
        overrides: assignments (`--set`) to keys of the job; settings may stand at its root.

    Raises:
        UsageError: no such endpoint or deployment, no default one, no input, or an override that
            cannot be applied.
        DocumentError: a value that no job can have; names its key.
    """
    store = BatchEndpointStore()
    chosen = deployment_name or _default_of(store, endpoint_name)
    record = store.deployment(endpoint_name, chosen)
    deployment = stored_batch_deployment(record.document)
    # Only what was written there: defaults are the job's own.
    kept = {"compute", "settings", "scoring"}
    content = deployment.model_dump(mode="json", include=kept, exclude_unset=True)
    content |= {
        "endpoint_name": endpoint_name,
        "deployment_name": chosen,
        "model": record.model,
        "instance_count": deployment.instances if instance_count is None else instance_count,
        "inputs": {name: _input(files) for name, files in inputs.items()},
        "name": job_name,
        "experiment_name": experiment_name,
    }
    if mini_batch_size is not None:
        content["settings"] = {**content.get("settings", {}), "mini_batch_size": mini_batch_size}
    if output_path is not None:
        content["output_path"] = _output_folder(str(output_path))
    content = {key: value for key, value in content.items() if value is not None}
    document = apply_overrides(Document(content), placed_overrides(overrides))
    if not document.data["inputs"]:
        raise UsageError("nothing to score: give the folder or file with --input (SDK: inputs)")
    return read_batch_job(document, Path.cwd())


def _default_of(store: BatchEndpointStore, endpoint_name: str) -> str:
    default = store.endpoint(endpoint_name).default_deployment
    if default is not None:
        return default
    names = [record.name for record in store.deployments(endpoint_name)]
    if not names:
        raise UsageError(
            f"batch endpoint {endpoint_name!r} has no deployment; make one with "
            "tintype batch-deployment create --file deployment.yml --set-default"
        )
    raise UsageError(
        f"batch endpoint {endpoint_name!r} has no default deployment; name one with "
        f"--deployment-name ({', '.join(names)}), or for good: tintype batch-endpoint update "
        f"--name {endpoint_name} --set defaults.deployment_name={names[0]}"
    )


def _input(given: InputLike) -> dict[str, Any]:
    if isinstance(given, BatchInput):
        return given.model_dump(exclude_none=True)
    return dict(given) if isinstance(given, Mapping) else {"path": str(given)}


def _output_folder(given: str) -> str:
    try:
        return str(local_path(given, Path.cwd(), get_settings()))
    except ValueError as error:
        raise UsageError(f"output path {given!r}: {error}") from None


def _jobs(wanted: Mapping[str, str]) -> list[RunRecord]:
    """Batch jobs whose documents have these keys, newest first."""
    store = RunStore()
    return [
        run
        for run in store.list(type="batch")
        if wanted.items() <= store.document(run.name).items()
    ]


def _written(document: BatchEndpointDocument | BatchDeploymentDocument) -> dict[str, Any]:
    # What was not given is not kept: a default stays one.
    return document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
