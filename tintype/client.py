"""The Python face of the workspace: the same nouns and verbs as the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tintype.automl.builder import ImageJob
from tintype.endpoints.online.client import OnlineDeployments, OnlineEndpoints
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.job import Job, load_job
from tintype.workspace.runs import RunRecord, RunStore

__all__ = ["Client"]


class Client:
    """Jobs, models and endpoints of this machine's workspace.

    >>> client = Client()                                        # doctest: +SKIP
    >>> run = client.jobs.create_or_update("job.yml")            # doctest: +SKIP
    >>> client.jobs.stream(run.name).status                      # doctest: +SKIP
    'Completed'
    """

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.models = Models()
        self.online_endpoints = OnlineEndpoints()
        self.online_deployments = OnlineDeployments()


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
        document = job if isinstance(job, FinetuningJob | AutomlJob) else load_job(job, overrides)
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
