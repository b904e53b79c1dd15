"""Deployments of batch endpoints from Python: `Client().batch_deployments`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import Poller, Record
from tintype.errors import DocumentError
from tintype.jobs.explanations import check_explain
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.batch_deployment import BatchDeploymentDocument, read_batch_deployment
from tintype.schemas.batch_settings import placed_overrides
from tintype.schemas.document import Document, KeyPath, apply_overrides, written
from tintype.workspace.batch_endpoints import BatchDeploymentRecord, BatchEndpointStore
from tintype.workspace.computes import placed
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import RunRecord, RunStore

__all__ = ["BatchDeployments"]


class BatchDeployments:
    """`client.batch_deployments`: models behind batch endpoints."""

    def create_or_update(
        self,
        deployment: BatchDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        set_default: bool = False,
    ) -> Record:
        """Create a deployment, or replace one.

        Args:
            deployment: a YAML file, a document, what `get` gave, or a BatchDeployment or
                ModelBatchDeployment of azure-ai-ml.
            set_default: also have the endpoint use it where an invocation names none.

        Raises:
            UsageError: the document, endpoint or model is wrong.
        """
        return self._put(deployment, overrides, set_default=set_default)

    def update(
        self,
        deployment: BatchDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        set_default: bool = False,
    ) -> Record:
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

    def set_default(self, name: str, endpoint_name: str) -> Record:
        """Have the endpoint use this deployment where an invocation names none; the endpoint.

        Raises:
            UsageError: there is no such endpoint or deployment.
        """
        store = BatchEndpointStore()
        store.deployment(endpoint_name, name)
        record = store.endpoint(endpoint_name).with_default(name)
        store.save(record)
        return Record.of("batch_endpoints", record.shown())

    @not_found_as_azure
    def get(self, name: str, endpoint_name: str) -> Record:
        """One deployment.

        Raises:
            UsageError: there is none of that name.
        """
        return _record(BatchEndpointStore().deployment(endpoint_name, name))

    def list_jobs(self, name: str, endpoint_name: str) -> list[RunRecord]:
        """Jobs that a deployment works on or has worked on, newest first.

        Raises:
            UsageError: there is no such deployment.
        """
        BatchEndpointStore().deployment(endpoint_name, name)
        return RunStore().list_matching(endpoint_name=endpoint_name, deployment_name=name)

    def list(self, endpoint_name: str) -> list[Record]:
        """All deployments of an endpoint, by name."""
        return [_record(record) for record in BatchEndpointStore().deployments(endpoint_name)]

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

    def begin_create_or_update(
        self,
        deployment: BatchDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        set_default: bool = False,
        skip_script_validation: bool = True,
    ) -> Poller[Record]:
        """`create_or_update`, as azure-ai-ml names it.

        What cannot be used is told at once. `skip_script_validation` is azure-ai-ml's: there is no
        script here.
        """
        document = _read(deployment, overrides)
        return Poller(lambda: self.create_or_update(document, set_default=set_default))

    def begin_delete(self, name: str, endpoint_name: str) -> Poller[None]:
        """`delete`, as azure-ai-ml names it."""
        return Poller(lambda: self.delete(name, endpoint_name))

    def _put(
        self,
        deployment: BatchDeploymentDocument | Describes,
        overrides: Sequence[str],
        *,
        set_default: bool,
        must_exist: bool = False,
    ) -> Record:
        deployment = placed(_read(deployment, overrides))
        store = BatchEndpointStore()
        endpoint, name = deployment.endpoint_name, deployment.name
        known = {record.name: record for record in store.deployments(endpoint)}
        old = store.deployment(endpoint, name) if must_exist else known.get(name)
        model = resolve_model(deployment.model_reference)
        check_obtainable(model)
        if (explain := deployment.explain) is not None:
            check_explain(model, deployment.scoring, explain, _error_at, explain.target)
        record = BatchDeploymentRecord(endpoint, name, written(deployment), model)
        if old is not None:
            record = replace(record, created_at=old.created_at)
        store.save(record)
        if set_default:
            self.set_default(name, endpoint)
        return _record(record)


def _read(
    deployment: BatchDeploymentDocument | Describes, overrides: Sequence[str]
) -> BatchDeploymentDocument:
    if isinstance(deployment, BatchDeploymentDocument):
        return deployment
    return read_batch_deployment(*described(deployment, "batch_deployments", overrides))


def _error_at(key: KeyPath, message: str) -> DocumentError:
    return DocumentError(message, field=".".join(map(str, key)))


def _record(record: BatchDeploymentRecord) -> Record:
    return Record.of("batch_deployments", record.shown())
