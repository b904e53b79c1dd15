"""Batch endpoints from Python: `Client().batch_endpoints`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.azure_objects import azure_input
from tintype.client.described import Describes, described
from tintype.client.records import Poller, Record
from tintype.endpoints.batch.invocation import InputLike, job_of
from tintype.errors import UsageError
from tintype.jobs import submit
from tintype.schemas.batch_endpoint import BatchEndpointDocument, read_batch_endpoint
from tintype.schemas.document import Document, apply_overrides, written
from tintype.workspace.batch_endpoints import BatchEndpointRecord, BatchEndpointStore
from tintype.workspace.runs import RunRecord, RunStore, now

__all__ = ["BatchEndpoints"]


class BatchEndpoints:
    """`client.batch_endpoints`: stable names for batch work."""

    def create_or_update(
        self, endpoint: BatchEndpointDocument | Describes, overrides: Sequence[str] = ()
    ) -> Record:
        """Create an endpoint, or replace the document of one.

        Its deployments stay, and so does the default one where the document names none.

        Args:
            endpoint: a YAML file, a document, what `get` gave, or a BatchEndpoint of azure-ai-ml.

        Raises:
            UsageError: it cannot be used, or describes something else; nothing was made.
        """
        return self._put(_read(endpoint, overrides))

    def _put(self, endpoint: BatchEndpointDocument) -> Record:
        store = BatchEndpointStore()
        record = BatchEndpointRecord(endpoint.name, written(endpoint))
        old = next((known for known in store.endpoints() if known.name == record.name), None)
        if old is not None:
            record = replace(record, created_at=old.created_at)
            if record.default_deployment is None:
                record = record.with_default(old.default_deployment)
        store.save(record)
        return _record(record)

    def update(
        self,
        name: str,
        changes: Document | Mapping[str, Any] | None = None,
        overrides: Sequence[str] = (),
    ) -> Record:
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
        record = replace(old, document=written(endpoint), modified_at=now())
        default = record.default_deployment
        if default is not None and default != old.default_deployment:
            store.deployment(name, default)
        store.save(record)
        return _record(record)

    @not_found_as_azure
    def get(self, name: str) -> Record:
        """One endpoint.

        Raises:
            UsageError: there is none of that name.
        """
        return _record(BatchEndpointStore().endpoint(name))

    def list_jobs(self, endpoint_name: str) -> list[RunRecord]:
        """Jobs that were started through an endpoint, newest first.

        Raises:
            UsageError: there is no such endpoint.
        """
        BatchEndpointStore().endpoint(endpoint_name)
        return RunStore().list_matching(endpoint_name=endpoint_name)

    def list(self) -> list[Record]:
        """All endpoints, by name."""
        return [_record(record) for record in BatchEndpointStore().endpoints()]

    def delete(self, name: str) -> None:
        """Remove an endpoint with its deployments; jobs that it started go on and stay.

        Raises:
            UsageError: there is none of that name.
        """
        BatchEndpointStore().delete_endpoint(name)

    def begin_create_or_update(
        self, endpoint: BatchEndpointDocument | Describes, overrides: Sequence[str] = ()
    ) -> Poller[Record]:
        """`create_or_update`, as azure-ai-ml names it.

        Raises:
            UsageError: what cannot be used, at once.
        """
        document = _read(endpoint, overrides)
        return Poller(lambda: self._put(document))

    def begin_delete(self, name: str) -> Poller[None]:
        """`delete`, as azure-ai-ml names it."""
        return Poller(lambda: self.delete(name))

    def invoke(
        self,
        endpoint_name: str,
        *,
        deployment_name: str | None = None,
        inputs: Mapping[str, InputLike | Any] | None = None,
        input: InputLike | Any | None = None,
        output_path: str | Path | None = None,
        params_override: Sequence[Mapping[str, Any]] = (),
        overrides: Sequence[str] = (),
        job_name: str | None = None,
        instance_count: int | None = None,
        mini_batch_size: int | None = None,
        experiment_name: str | None = None,
    ) -> RunRecord:
        """Have a deployment score files; the job that does.

        >>> invoke = Client().batch_endpoints.invoke                         # doctest: +SKIP
        >>> run = invoke("photos", input="july", mini_batch_size=20)         # doctest: +SKIP

        Args:
            deployment_name: None takes the endpoint's default.
            inputs: name to files: a path, `{"path": ..., "type": "uri_folder"}`, or an Input of
                azure-ai-ml.
            input: short for one input.
            output_path: where the rows are also written.
            params_override: keys of the job that take the place of the deployment's.
            overrides: the same as the command line writes it: `settings.error_threshold=0`.

        Raises:
            UsageError: no such endpoint or deployment, both of inputs and input or neither, or what
                cannot be used.
            OutputError: the workspace cannot be written.
        """
        if input is not None and inputs is not None:
            raise UsageError("both inputs and input given; add the one to the others")
        given = {"input": input} if input is not None else inputs or {}
        replaced = [
            # Azure's samples give numbers as texts.
            f"{key}={value if isinstance(value, str) else json.dumps(value, default=str)}"
            for keys in params_override
            for key, value in keys.items()
        ]
        job = job_of(
            endpoint_name,
            inputs={name: azure_input(files) for name, files in given.items()},
            deployment_name=deployment_name,
            output_path=output_path,
            overrides=[*replaced, *overrides],
            job_name=job_name,
            instance_count=instance_count,
            mini_batch_size=mini_batch_size,
            experiment_name=experiment_name,
        )
        return submit.submit_job(job)


def _read(
    endpoint: BatchEndpointDocument | Describes, overrides: Sequence[str]
) -> BatchEndpointDocument:
    if isinstance(endpoint, BatchEndpointDocument):
        return endpoint
    return read_batch_endpoint(described(endpoint, "batch_endpoints", overrides)[0])


def _record(record: BatchEndpointRecord) -> Record:
    return Record.of("batch_endpoints", record.shown())
