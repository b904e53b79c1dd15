"""Jobs from Python: `Client().jobs`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tintype.automl.builder import ImageJob
from tintype.client.azure_errors import not_found_as_azure
from tintype.client.azure_objects import is_azure
from tintype.client.described import Describes, described
from tintype.client.records import Poller
from tintype.errors import UsageError, nearest
from tintype.jobs import follow, submit
from tintype.schemas.document import Document, apply_overrides
from tintype.schemas.job import Job, load_job, parse_job
from tintype.settings import get_settings
from tintype.workspace.runs import RunRecord, RunStore

__all__ = ["Jobs"]


class Jobs:
    """`client.jobs`."""

    def create_or_update(
        self,
        job: Job | ImageJob | Describes,
        overrides: Sequence[str] = (),
        *,
        validate: bool = True,
        skip_validation: bool = False,
        experiment_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        compute: str | None = None,
    ) -> RunRecord:
        """Submit a job: a YAML file, a document, an AutoML job built in Python, or one of azure-ai-ml.

        Args:
            validate: look at data and checkpoint first; `skip_validation` is azure-ai-ml's opposite.
            experiment_name, description, tags, compute: take the place of the job's own.

        Raises:
            UsageError: it cannot be used, or describes something else; nothing was started.
            OutputError: the workspace or an output cannot be written.
        """
        given = {
            "experiment_name": experiment_name,
            "description": description,
            "tags": tags,
            "compute": compute,
        }
        given = {key: value for key, value in given.items() if value is not None}
        # Azure's notebooks ask MLflow for a run by the name of its job.
        for_azure = is_azure(job)
        if isinstance(job, ImageJob):
            job = job.document()
        if not isinstance(job, Job):
            document, folder = described(job, "jobs", overrides)
            content = {**document.data, **given}
            job = parse_job(Document(content, document.path, document.lines), folder)
        elif given:
            job = job.model_copy(update={key: given[key] for key in given if key != "compute"})
        return submit.submit_job(
            job, validate=validate and not skip_validation, mlflow_name=for_azure
        )

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

    @not_found_as_azure
    def get(self, name: str) -> RunRecord:
        """The run called `name`."""
        return RunStore().get(name)

    def list(
        self,
        *,
        include_archived: bool = False,
        parent_job_name: str | None = None,
        max_results: int | None = None,
    ) -> list[RunRecord]:
        """All runs, newest first; or the sweep and the trials of an AutoML job, in their order."""
        store = RunStore()
        if parent_job_name is not None:
            store.get(parent_job_name)
            return store.descendants(parent_job_name)[:max_results]
        return store.list(include_archived=include_archived)[:max_results]

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
        all: bool = False,
    ) -> Path:
        """Copy a run's outputs into a folder, as azure-ai-ml does; that folder.

        The default output goes below `artifacts/outputs`, a named one below
        `named-outputs/<output name>`; what lies there under these names is replaced.

        Args:
            everything: outputs and log; `all` is azure-ai-ml's name of it.

        Raises:
            UsageError: no such run, or it has no output (yet), or none of that name.
            OutputError: the folder cannot be written.
        """
        return follow.download_job(
            name, Path(download_path), output_name=output_name, everything=everything or all
        )

    def archive(self, name: str) -> RunRecord:
        """Hide a run from lists."""
        return follow.archive_job(name)

    def restore(self, name: str) -> RunRecord:
        """Bring an archived run back."""
        return follow.archive_job(name, archived=False)
