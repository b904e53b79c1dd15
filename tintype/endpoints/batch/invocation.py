"""The job that invoking a batch endpoint asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tintype.data.locations import local_path
from tintype.errors import UsageError
from tintype.schemas.batch_deployment import stored_batch_deployment
from tintype.schemas.batch_job import BatchInput, BatchJob, read_batch_job
from tintype.schemas.batch_settings import placed_overrides
from tintype.schemas.document import Document, apply_overrides
from tintype.settings import get_settings
from tintype.workspace.batch_endpoints import BatchEndpointStore

__all__ = ["InputLike", "job_of"]

InputLike = BatchInput | Mapping[str, Any] | str | Path
"""An input as invocations take it: its path, `{path: ..., type: ...}`, or one that was read."""


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
    kept = {"compute", "settings", "scoring", "explain"}
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
