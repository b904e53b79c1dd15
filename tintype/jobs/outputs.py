"""Where a finished model goes beside its run: folders of the user's, held while they are written,
and the registry."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tintype.data.locations import local_path
from tintype.files import atomic_folder, copy_file, locked_folder, output_errors
from tintype.jobs.event_log import say_into
from tintype.jobs.run import Run
from tintype.schemas.data_asset import DataAssetDocument
from tintype.schemas.job_parts import JobDocument, ModelOutput
from tintype.schemas.ports import JOB_NAME, OutputPort
from tintype.settings import get_settings
from tintype.workspace.data_assets import DataAssetStore
from tintype.workspace.registry import register_model

__all__ = ["deliver_model", "deliver_outputs", "link_output", "reserved", "settled_outputs"]

# What documents call the datastore that a workspace of Azure's has from the start.
_DEFAULT_DATASTORE = ("${{default_datastore}}", "workspaceblobstore")

Output = TypeVar("Output", OutputPort, ModelOutput)


@contextlib.contextmanager
def reserved(paths: Sequence[str]) -> Iterator[None]:
    """Hold folders against every other job that would write them.

    Raises:
        OutputError: one of them is held, or cannot be written.
    """
    with contextlib.ExitStack() as held:
        for path in dict.fromkeys(paths):
            held.enter_context(_reserved(Path(path)))
        yield


def settled_outputs(outputs: Mapping[str, Output]) -> dict[str, Any]:
    """Fields of a job whose outputs go to a datastore, changed: to the folder that the settings map it to.

    Where they map it to none, the output stays with its run, which is said when it is finished.
    """
    found = {
        name: output.model_copy(update={"path": _settled(output.path)})
        for name, output in outputs.items()
        if output.path is not None and output.path.startswith("azureml:")
    }
    return {"outputs": {**outputs, **found}} if found else {}


def _settled(path: str) -> str:
    try:
        return str(local_path(path.replace(*_DEFAULT_DATASTORE), Path.cwd(), get_settings()))
    except ValueError:
        return path


def deliver_model(job: JobDocument, run: Run) -> str | None:
    """Copy the run's model folder to where `outputs` of its document wants it, and register it.

    Returns:
        `name:version` of the first that was registered; None where no name was asked for.

    Raises:
        OutputError: a folder or the registry cannot be written.
    """
    registered: list[str] = []
    for output in job.outputs.values():
        if output.path:
            _copy(run.model_folder, output.path, run)
        if output.name:
            model = register_model(output.name, run.model_folder, tags={"tintype.job": run.name})
            registered.append(f"{model.name}:{model.version}")
            print(f"Registered {model.name}, version {model.version}", flush=True)
    return registered[0] if registered else None


def deliver_outputs(outputs: Mapping[str, OutputPort], run: Run) -> str | None:
    """Copy a run's named outputs to where the document wants them, and register them.

    Returns:
        `name:version` of the first model that was registered, if any was.

    Raises:
        OutputError: a folder or the registry cannot be written.
        UsageError: a version that exists, or a model that is none.
    """
    models: list[str] = []
    for name, output in outputs.items():
        made = run.named_outputs / name
        if output.path:
            _copy(made, output.path, run)
        if output.name is None:
            continue
        if output.type == "mlflow_model":
            tags = {"tintype.job": run.name}
            model = register_model(output.name, made, version=output.version, tags=tags)
            models.append(f"{model.name}:{model.version}")
            said = f"{model.name}, version {model.version}"
        else:
            asset = DataAssetStore().create(_asset(output, made, run))
            said = f"{asset.name}, version {asset.version}"
        say_into(run.log, f"Registered {said}")
    return models[0] if models else None


def link_output(path: Path, made: Path) -> None:
    """Make `path` a link to `made`, relative so that a workspace can be moved.

    Raises:
        OutputError: it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.link")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.path.relpath(made, path.parent))
        temporary.replace(path)


def _asset(output: OutputPort, made: Path, run: Run) -> DataAssetDocument:
    known = {
        "name": output.name,
        "version": output.version,
        "type": output.type if output.type in ("uri_file", "mltable") else "uri_folder",
        "path": str(made.resolve()),
        "description": output.description or f"output {made.name} of job {run.name}",
    }
    return DataAssetDocument.model_validate({k: v for k, v in known.items() if v is not None})


def _copy(made: Path, path: str, run: Run) -> None:
    if path.startswith("azureml:"):
        line = (
            f"notice: {made.name} stays with its run: {path} is in no datastore that settings map"
        )
        say_into(run.log, line)
        return
    target = Path(path.replace(JOB_NAME, run.name))
    if made.is_dir():
        with atomic_folder(target) as temporary:
            shutil.copytree(made, temporary, dirs_exist_ok=True)
    else:
        copy_file(made, target)


@contextlib.contextmanager
def _reserved(path: Path) -> Iterator[None]:
    marker = path.parent / f".{path.name}.writing"
    with locked_folder(marker):
        yield
    shutil.rmtree(marker, ignore_errors=True)
