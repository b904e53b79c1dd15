"""Jobs from Python: `Client().jobs`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tintype.automl.builder import ImageJob
from tintype.client.records import Poller
from tintype.errors import UsageError, nearest
from tintype.jobs import follow, submit
from tintype.schemas.document import Document, apply_overrides
from tintype.schemas.job import Job, load_job
from tintype.settings import get_settings
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

    def validate(self, job: Job | str | Path, overrides: Sequence[str] = ()) -> None:
        """Check a job document, its data and its model, and start nothing.

        Raises:
            UsageError: names what is wrong and where.
        """
        document = load_job(job, overrides) if isinstance(job, str | Path) else job
        submit.check_job(submit.settled_job(document))

    def update(self, name: str, overrides: Sequence[str]) -> RunRecord:
        """Change what a run says of itself: `display_name`, `description`, `tags`, `properties`.

        Raises:
            UsageError: no such run, or a key that does not change any more.
        """
        store = RunStore()
        kept = ("display_name", "description", "tags", "properties")
        before = {key: getattr(store.get(name), key) for key in kept}
        changed = apply_overrides(Document(before), overrides).data
        for key in changed:
            if key not in kept:
                raise UsageError(
                    f"--set {key}: of a job only {', '.join(kept)} change.{nearest(key, kept)}"
                )
        for key in ("tags", "properties"):
            changed[key] = {str(k): str(v) for k, v in (changed[key] or {}).items()}
        return store.update(name, **changed)

    def show_services(self, name: str) -> dict[str, str]:
        """Where a run can be looked at: `folder`, `log`, and, once it has one, `mlflow_run_id`."""
        store = RunStore()
        record, folder = store.get(name), store.path(name)
        services = {"folder": str(folder), "log": str(folder / "log.txt")}
        if record.mlflow_run_id is not None:
            services["mlflow_tracking_uri"] = get_settings().resolved_tracking_uri
            services["mlflow_run_id"] = record.mlflow_run_id
        return services

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
