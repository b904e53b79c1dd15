"""MLflow runs: parameters, metrics and artifacts of a job, wherever the tracking URI points."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tintype.errors import RunCancelled, TintypeError
from tintype.settings import get_settings

__all__ = ["MlflowRun", "mlflow_client", "mlflow_run", "new_run"]

_MAX_PARAM = 500  # characters; MLflow servers refuse longer values

_MAX_BATCH = 100  # parameters that MLflow takes at a time


def mlflow_client() -> Any:
    """A client of the tracking server and registry that the settings name.

    Raises:
        TintypeError: it cannot be reached or opened.
    """
    settings = get_settings()
    uri = settings.resolved_tracking_uri
    try:
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        # Its migration log and deprecation notices are no news to users.
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="mlflow")
        if uri.startswith("sqlite:///"):
            _make_database(mlflow, Path(uri.removeprefix("sqlite:///")))
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        # MLflow raises what its database or HTTP library raises.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TintypeError(f"the MLflow tracking server {uri} cannot be used: {reason}") from None
    return client


def _make_database(mlflow: Any, path: Path) -> None:
    """Create MLflow's database whole or not at all.

    Its tables come from dozens of migrations; killed between two of them, it could never be opened
    again.
    """
    if path.exists():
        return
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.unlink(missing_ok=True)
        uri = f"sqlite:///{temporary}"
        mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
        temporary.replace(path)


class MlflowRun:
    """One MLflow run, written from the worker that executes the job."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.run_id = run_id
        self._client = client
        self._warned = False

    def sibling(self, run_id: str) -> MlflowRun:
        """Another run of the same server."""
        return MlflowRun(self._client, run_id)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record parameters; long values are cut."""
        from mlflow.entities import Param

        known = [Param(key, str(value)[:_MAX_PARAM]) for key, value in params.items()]
        for first in range(0, len(known), _MAX_BATCH):
            some = known[first : first + _MAX_BATCH]
            try:
                self._client.log_batch(self.run_id, params=some)
            except Exception:
                # One that is refused, as a run is gone on with and it is another now, loses no other.
                for param in some:
                    self._safely(self._client.log_param, self.run_id, param.key, param.value)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Record metrics at an optimizer step."""
        import time

        from mlflow.entities import Metric

        stamp = int(time.time() * 1000)
        batch = [Metric(key, float(value), stamp, step) for key, value in metrics.items()]
        self._safely(self._client.log_batch, self.run_id, metrics=batch)

    def metrics(self) -> dict[str, float]:
        """The last values of what was logged to it, by whatever process; empty if they cannot be had."""
        found: dict[str, float] = {}

        def read() -> None:
            known = self._client.get_run(self.run_id).data.metrics
            found.update({key: float(value) for key, value in known.items()})

        self._safely(read)
        return {key: value for key, value in found.items() if math.isfinite(value)}

    def log_folder(self, folder: Path, artifact_path: str) -> None:
        """Upload all files of `folder` below `artifact_path`."""
        self._safely(self._client.log_artifacts, self.run_id, str(folder), artifact_path)

    def set_tag(self, key: str, value: str) -> None:
        """Set a tag of the run."""
        self._safely(self._client.set_tag, self.run_id, key, value)

    def _end(self, status: str) -> None:
        self._safely(self._client.set_terminated, self.run_id, status=status)

    def _safely(self, call: Any, *arguments: Any, **options: Any) -> None:
        # Hours of training must not be lost because a tracking server went away.
        try:
            call(*arguments, **options)
        except Exception as error:
            if not self._warned:
                self._warned = True
                print(f"warning: MLflow did not take what was logged: {error}", flush=True)


@contextlib.contextmanager
def mlflow_run(
    experiment: str, name: str, *, tags: Mapping[str, str], run_id: str | None = None
) -> Iterator[MlflowRun]:
    """Start a run, or go on with `run_id`; it ends as the block does: FINISHED, FAILED or KILLED.

    Raises:
        TintypeError: the tracking server cannot be used.
    """
    client = mlflow_client()
    if run_id is None:
        run_id = new_run(client, experiment, name, tags)
    else:
        client.set_terminated(run_id, status="RUNNING")
        for key, value in tags.items():
            client.set_tag(run_id, key, value)
    run = MlflowRun(client, run_id)
    try:
        yield run
    except BaseException as error:
        run._end("KILLED" if isinstance(error, RunCancelled) else "FAILED")
        raise
    run._end("FINISHED")


def new_run(client: Any, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Create a run in `experiment`, which is made if absent, and return its id."""
    known = client.get_experiment_by_name(experiment)
    if known is not None:
        experiment_id = known.experiment_id
    else:
        settings = get_settings()
        # A server decides itself; for a local file the working directory would be the default.
        local = settings.resolved_tracking_uri.startswith("sqlite:")
        location = (settings.home / "mlflow-artifacts").as_uri() if local else None
        experiment_id = client.create_experiment(experiment, artifact_location=location)
    run = client.create_run(experiment_id, run_name=name, tags=dict(tags))
    run_id: str = run.info.run_id
    return run_id
