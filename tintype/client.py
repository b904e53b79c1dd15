"""The Python face of the workspace: the same nouns and verbs as the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tintype.automl.builder import ImageJob
from tintype.endpoints.batch.client import BatchDeployments, BatchEndpoints, InputLike, job_of
from tintype.endpoints.online.client import OnlineDeployments, OnlineEndpoints
from tintype.errors import UsageError
from tintype.schemas.data_asset import DataAssetDocument, load_data_asset, read_data_asset
from tintype.schemas.job import Job, load_job
from tintype.workspace.data_assets import DataAsset, DataAssetStore
from tintype.workspace.runs import RunRecord, RunStore

__all__ = ["Client"]


class Client:
    """Jobs, models, data assets and endpoints of this machine's workspace.

    >>> client = Client()                                        # doctest: +SKIP
    >>> run = client.jobs.create_or_update("job.yml")            # doctest: +SKIP
    >>> client.jobs.stream(run.name).status                      # doctest: +SKIP
    'Completed'
    """

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.models = Models()
        self.data = Data()
        self.online_endpoints = OnlineEndpoints()
        self.online_deployments = OnlineDeployments()
        self.batch_endpoints = InvokedBatchEndpoints()
        self.batch_deployments = BatchDeployments()


class Jobs:
    """`client.jobs`."""

    def create_or_update(
        self,
        job: Job | ImageJob | str | Path,
        overrides: Sequence[str] = (),
        *,
        validate: bool = True,
    ) -> RunRecord:
        """Submit a job document, the YAML file of one, or an AutoML job built in Python."""
        from tintype.jobs.submit import submit_job

        if isinstance(job, ImageJob):
            job = job.document()
        document = load_job(job, overrides) if isinstance(job, str | Path) else job
        return submit_job(document, validate=validate)

    def get(self, name: str) -> RunRecord:
        """The run called `name`."""
        return RunStore().get(name)

    def list(
        self, *, include_archived: bool = False, parent_job_name: str | None = None
    ) -> list[RunRecord]:
        """All runs, newest first; or the sweep and the trials of an AutoML job, in their order."""
        store = RunStore()
        if parent_job_name is not None:
            store.get(parent_job_name)
            return store.descendants(parent_job_name)
        return store.list(include_archived=include_archived)

    def stream(
        self,
        name: str,
        write: Callable[[str], object] = sys.stdout.write,
        *,
        from_end: bool = False,
    ) -> RunRecord:
        """Follow the run's log to its end; see `jobs.follow.stream_job`."""
        from tintype.jobs.follow import stream_job

        return stream_job(name, write, from_end=from_end)

    def cancel(self, name: str) -> RunRecord:
        """End a run; see `jobs.follow.cancel_job`."""
        from tintype.jobs.follow import cancel_job

        return cancel_job(name)

    def resume(self, name: str) -> RunRecord:
        """Go on with a run; see `jobs.submit.resume_job`."""
        from tintype.jobs.submit import resume_job

        return resume_job(name)

    def download(
        self,
        name: str,
        download_path: str | Path = ".",
        *,
        output_name: str | None = None,
        everything: bool = False,
    ) -> Path:
        """Copy a run's outputs; see `jobs.follow.download_job`."""
        from tintype.jobs.follow import download_job

        return download_job(
            name, Path(download_path), output_name=output_name, everything=everything
        )

    def archive(self, name: str) -> RunRecord:
        """Hide a run from lists."""
        from tintype.jobs.follow import archive_job

        return archive_job(name)

    def restore(self, name: str) -> RunRecord:
        """Bring an archived run back."""
        from tintype.jobs.follow import archive_job

        return archive_job(name, archived=False)


class Models:
    """`client.models`; the functions are those of `workspace.registry`."""

    def __init__(self) -> None:
        from tintype.workspace import registry

        self.create_or_update = registry.register_model
        self.get = registry.get_model
        self.list = registry.list_models
        self.download = registry.download_model
        self.archive = registry.archive_model


class Data:
    """`client.data`; see `workspace.data_assets`."""

    def create_or_update(
        self, data: DataAssetDocument | str | Path, overrides: Sequence[str] = ()
    ) -> DataAsset:
        """Keep a document, or the YAML file of one, as a new version of its name.

        Raises:
            UsageError: the document is wrong, or there is that version already.
        """
        if isinstance(data, DataAssetDocument):
            document = read_data_asset(data)
        else:
            document = load_data_asset(Path(data), overrides)
        return DataAssetStore().create(document)

    def get(self, name: str, version: str | None = None, *, label: str | None = None) -> DataAsset:
        """One version of `name`; the latest where none is named, or with label "latest"."""
        return DataAssetStore().get(name, version, label=label)

    def list(self, name: str | None = None, *, include_archived: bool = False) -> list[DataAsset]:
        """The latest version of every asset, or every version of `name`, newest first."""
        return DataAssetStore().list(name, include_archived=include_archived)

    def archive(self, name: str, version: str | None = None) -> None:
        """Hide a version (None: all) from lists and from `@latest`."""
        DataAssetStore().archive(name, version)

    def restore(self, name: str, version: str | None = None) -> None:
        """Bring an archived version (None: all) back."""
        DataAssetStore().archive(name, version, archived=False)


class InvokedBatchEndpoints(BatchEndpoints):
    """`client.batch_endpoints`: those of `endpoints.batch`, which can also be put to work."""

    def invoke(
        self,
        endpoint_name: str,
        *,
        deployment_name: str | None = None,
        inputs: Mapping[str, InputLike] | None = None,
        input: InputLike | None = None,
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
            inputs: name to files: a path, or `{"path": ..., "type": "uri_folder"}`.
            input: short for one input.
            output_path: where the rows are also written.
            params_override: keys of the job that take the place of the deployment's.
            overrides: the same as the command line writes it: `settings.error_threshold=0`.

        Raises:
            UsageError: no such endpoint or deployment, both of inputs and input or neither, or what
                cannot be used.
            OutputError: the workspace cannot be written.
        """
        from tintype.jobs.submit import submit_job

        if input is not None and inputs is not None:
            raise UsageError("both inputs and input given; add the one to the others")
        replaced = [
            # Azure's samples give numbers as texts.
            f"{key}={value if isinstance(value, str) else json.dumps(value, default=str)}"
            for keys in params_override
            for key, value in keys.items()
        ]
        job = job_of(
            endpoint_name,
            inputs={"input": input} if input is not None else inputs or {},
            deployment_name=deployment_name,
            output_path=output_path,
            overrides=[*replaced, *overrides],
            job_name=job_name,
            instance_count=instance_count,
            mini_batch_size=mini_batch_size,
            experiment_name=experiment_name,
        )
        return submit_job(job)
