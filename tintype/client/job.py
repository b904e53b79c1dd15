"""Jobs from Python: `Client().jobs`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tintype.automl.builder import ImageJob
from tintype.client.records import Poller
from tintype.jobs import follow, submit
from tintype.schemas.job import Job, load_job
from tintype.workspace.runs import RunRecord, RunStore

__all__ = ["Jobs"]


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
        if isinstance(job, ImageJob):
            job = job.document()
        document = load_job(job, overrides) if isinstance(job, str | Path) else job
        return submit.submit_job(document, validate=validate)

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
        return follow.stream_job(name, write, from_end=from_end)

    def cancel(self, name: str) -> RunRecord:
        """End a run; see `jobs.follow.cancel_job`."""
        return follow.cancel_job(name)

    def begin_cancel(self, name: str) -> Poller[RunRecord]:
        """`cancel`, without waiting for it."""
        return Poller(lambda: self.cancel(name))

    def resume(self, name: str) -> RunRecord:
        """Go on with a run; see `jobs.submit.resume_job`."""
        return submit.resume_job(name)

    def download(
        self,
        name: str,
        download_path: str | Path = ".",
        *,
        output_name: str | None = None,
        everything: bool = False,
    ) -> Path:
        """Copy a run's outputs; see `jobs.follow.download_job`."""
        return follow.download_job(
            name, Path(download_path), output_name=output_name, everything=everything
        )

    def archive(self, name: str) -> RunRecord:
        """Hide a run from lists."""
        return follow.archive_job(name)

    def restore(self, name: str) -> RunRecord:
        """Bring an archived run back."""
        return follow.archive_job(name, archived=False)
