"""Which checkpoint a trial starts from: a model name, or the model of an earlier run."""

from __future__ import annotations

from pathlib import Path

from tintype.errors import UsageError
from tintype.jobs.run import Run
from tintype.models.catalog import find_card, nearest_counterpart
from tintype.models.checkpoint import check_obtainable, resolve_checkpoint
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.automl_parameters import DEFAULT_MODEL
from tintype.schemas.distributions import Choice
from tintype.workspace.registry import resolve_model
from tintype.workspace.tracking import mlflow_client

__all__ = ["check_models", "model_of_run", "model_to_train", "models_of", "substitution_notices"]


def models_of(job: AutomlJob) -> list[str]:
    """Every model name that the document itself mentions, once each."""
    names: list[str] = []
    if job.mode != "automatic":
        names.append(job.training_parameters.model_name or DEFAULT_MODEL)
    for space in job.search_space or ():
        value = space.get("model_name")
        if value is None:
            continue
        names.extend(str(name) for name in (value.values if isinstance(value, Choice) else [value]))
    if job.search_space and all("model_name" in space for space in job.search_space):
        names = names[1:]
    return list(dict.fromkeys(names))


def model_to_train(name: str) -> str:
    """The checkpoint that stands behind a model name: a Hub id, a folder or a scratch name."""
    name = nearest_counterpart(name) or name
    if name in SCRATCH_NAMES or Path(name).is_dir():
        return name
    resolved = resolve_model(name)
    if resolved != name:
        return resolved
    card = find_card(name)
    return card.hub_id if card is not None else name


def substitution_notices(job: AutomlJob) -> list[str]:
    """One sentence for each model that another stands in for."""
    return [
        f"model {name!r} has no counterpart in transformers; the nearest, "
        f"{nearest_counterpart(name)!r}, is trained in its place"
        for name in models_of(job)
        if nearest_counterpart(name) is not None
    ]


def model_of_run(run: str, model_name: str | None) -> str:
    """The model folder that `run` made, a run's name or an MLflow run id.

    Raises:
        UsageError: no such run, no model in it, or one of another architecture than `model_name`.
    """
    try:
        folder = Run(run).model_folder
    except UsageError:
        folder = Path()
    if not is_model_folder(folder):
        folder = Path(_tagged_folder(run) or "")
    if not is_model_folder(folder):
        raise UsageError(
            f"training_parameters.checkpoint_run_id: {run!r} is no run with a model; give the name "
            "of a finished trial or job, or its MLflow run id"
        )
    if model_name is not None:
        family = open_model_folder(folder).checkpoint.family
        wanted = resolve_checkpoint(model_to_train(model_name)).family
        if family != wanted:
            raise UsageError(
                f"training_parameters.checkpoint_run_id: the model of {run!r} is a {family}, but "
                f"model_name {model_name!r} is a {wanted}; leave model_name out, or name its own"
            )
    return str(folder)


def check_models(job: AutomlJob) -> None:
    """Look for every model that the document names; nothing is downloaded.

    Raises:
        UsageError: a run without a model.
        CheckpointError: a folder that is no checkpoint, or a Hub id that cannot be had.
    """
    if job.training_parameters.checkpoint_run_id is not None:
        model_of_run(job.training_parameters.checkpoint_run_id, job.training_parameters.model_name)
        return
    for name in models_of(job):
        check_obtainable(model_to_train(name))


def _tagged_folder(run: str) -> str | None:
    try:
        tags: dict[str, str] = mlflow_client().get_run(run).data.tags
    except Exception:
        # MLflow raises its own kind for a run that is not there, and for an id that is none.
        return None
    return tags.get("tintype.model_folder")
