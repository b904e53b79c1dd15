"""Outputs of runs, where they lie: `azureml://jobs/<run>/outputs/<name>/paths/<path>`.

runs/<run>/outputs/               artifacts: what every run has
           outputs/mlflow-model/  the model of a run that makes one, whatever name it goes by
           named-outputs/<name>   of commands and pipelines: a folder, a file, or a link to one
"""

from __future__ import annotations

import re
from pathlib import Path

from tintype.errors import UsageError
from tintype.workspace.runs import RunStore

__all__ = ["is_job_output", "job_output"]

_FORM = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>(?!\.)[^/]+)(?:/(?:paths/)?(?P<path>.*))?"
)


def is_job_output(reference: str) -> bool:
    """Whether `reference` names an output of a job."""
    return _FORM.fullmatch(reference) is not None


def job_output(reference: str) -> Path:
    """The file or folder that `reference`, for which `is_job_output` holds, names.

    Raises:
        UsageError: there is no such job, or it has no such output (yet).
    """
    match = _FORM.fullmatch(reference)
    assert match is not None
    store = RunStore()
    # Azure's scripts take a trial's id from MLflow for its name.
    job, output, path = store.named(match["job"]), match["output"], (match["path"] or "").strip("/")
    folder = store.path(job)
    named = folder / "named-outputs" / output
    if output == "artifacts" and path:
        base, found = folder, folder / path
    elif named.exists():
        base, found = named.resolve(), named.resolve() / path
    else:
        base, found = folder, folder / "outputs" / "mlflow-model"
    if not found.resolve().is_relative_to(base.resolve()):
        raise UsageError(f"the path {path!r} leaves the job's outputs")
    if not found.exists():
        raise UsageError(f"job {job!r} has no output {path or output!r} (yet)")
    return found
