"""The walk *command*: a command line runs in a copy of its code folder, and what it makes is kept.

runs/<job>/work/                 where it runs: the code, and `outputs`, a link to the folder below
           outputs/              what it writes to ./outputs
           named-outputs/<name>  its outputs: a folder each, or a file
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Any

from tintype.data.locations import local_path
from tintype.errors import RunCancelled, RunFailed, UsageError
from tintype.files import output_errors
from tintype.jobs.command.environment import (
    environment_notice,
    python_of,
    settled_environment,
    variables_for,
)
from tintype.jobs.command.process import Ended, last_lines, run_command_line
from tintype.jobs.event_log import say_into
from tintype.jobs.outputs import deliver_outputs, reserved, settled_outputs
from tintype.jobs.run import Run
from tintype.schemas.command_job import CommandJob
from tintype.schemas.command_line import expanded
from tintype.schemas.document import KeyPath
from tintype.schemas.ports import DataValue
from tintype.settings import get_settings
from tintype.tasks import TaskContext
from tintype.workspace.code import copy_code, kept_code
from tintype.workspace.data_assets import resolve_data
from tintype.workspace.registry import resolve_model
from tintype.workspace.tracking import MlflowRun

__all__ = ["check", "execute", "settle", "settled_input"]

_MODELS = ("mlflow_model", "custom_model", "triton_model")

# What a folder of the type must hold.
_MARKS = {"mltable": "MLTable", "mlflow_model": "MLmodel"}


def settle(job: CommandJob, pending: Container[str] = (), within: KeyPath = ()) -> CommandJob:
    """See `JobKind.settle`: with the code kept and the environment's version as they are now, and paths in
    place of assets' names.

    Args:
        pending: inputs that are not there yet, and stay as they are.
        within: where the code and the environment stand in the document: of a sweep, in its trial.

    Raises:
        UsageError: the code folder, an input or the environment is not there.
    """
    job = job.located(Path.cwd())
    update: dict[str, Any] = {}
    if job.code is not None and job.code_digest is None:
        try:
            update["code_digest"] = kept_code(Path(job.code))
        except UsageError as error:
            raise job.error_at((*within, "code"), str(error)) from None
    try:
        environment = settled_environment(job.environment)
    except UsageError as error:
        raise job.error_at((*within, "environment"), str(error)) from None
    if environment != job.environment:
        update["environment"] = environment
    inputs = {}
    for name, value in job.inputs.items():
        try:
            if isinstance(value, DataValue) and name not in pending:
                value = settled_input(value)
            inputs[name] = value
        except UsageError as error:
            raise job.error_at(("inputs", name), str(error)) from None
    update |= settled_outputs(job.outputs)
    return job.model_copy(update={**update, "inputs": inputs} if inputs else update)


def check(job: CommandJob, within: KeyPath = ()) -> None:
    """Its environment is there.

    Args:
        within: see `settle`.

    Raises:
        UsageError: it is not; names the place.
    """
    try:
        python_of(job.environment)
    except UsageError as error:
        raise job.error_at((*within, "environment"), str(error)) from None


def execute(job: CommandJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`; begun anew, it begins from the start.

    Raises:
        RunFailed: it ended with another code than 0, or made no file for an output that is one.
        RunCancelled: it was asked to stop.
    """
    python = python_of(job.environment)
    inputs = {name: _shown(value) for name, value in job.inputs.items()}
    outputs = _fresh_outputs(job, run)
    work = _fresh_folder(job, run)
    start = run.log.stat().st_size if run.log.exists() else 0
    say_into(run.log, *(f"notice: {notice}" for notice in _notices(job)))
    with run.tracked(job.experiment_name, job.tags) as tracking, reserved(job.output_paths()):
        literals = {k: v for k, v in job.inputs.items() if not isinstance(v, DataValue)}
        tracking.log_params(literals)
        ended = run_command_line(
            expanded(job.command, inputs, {name: str(path) for name, path in outputs.items()}),
            folder=work,
            environment={
                **variables_for(python, _variables_of_run(run, tracking, inputs, outputs)),
                **job.environment_variables,
            },
            log=run.log,
            stop=lambda: context.stop() is not None,
            timeout=job.limits.timeout,
        )
        if ended.stopped:
            raise RunCancelled("the command was asked to stop")
        if ended.code != 0:
            raise RunFailed(_failure(job, run, ended, start))
        _check_made(job, outputs)
        metrics = tracking.metrics()
        if any(run.outputs.iterdir()):
            tracking.log_folder(run.outputs, "outputs")
        registered = deliver_outputs(job.outputs, run)
        if metrics or registered:
            run.update(metrics=metrics, registered_model=registered)
    shutil.rmtree(work, ignore_errors=True)


def _notices(job: CommandJob) -> list[str]:
    """What of the document means something else here."""
    return [*job.notices(), *environment_notice(job.environment)]


def settled_input(value: DataValue) -> DataValue:
    """An input with the local path of its data, which is there and of its type.

    Raises:
        UsageError: there is no such data, or it is of another type.
    """
    if value.path.startswith(("http://", "https://", "wasbs://", "abfss://")):
        raise UsageError(f"{value.path} is not on this machine; download it and name the file")
    resolved = resolve_data(value.path) if value.type not in _MODELS else resolve_model(value.path)
    try:
        path = local_path(resolved, Path.cwd(), get_settings())
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not path.exists():
        raise UsageError(f"{value.path}: no such file or folder")
    if value.type == "uri_file" and path.is_dir():
        raise UsageError(f"{path} is a folder; its type is uri_folder")
    if value.type in ("uri_folder", *_MARKS) and not path.is_dir():
        raise UsageError(f"{path} is a file; expected the folder of a {value.type}")
    mark = _MARKS.get(value.type)
    if mark is not None and not (path / mark).is_file():
        raise UsageError(f"{path} is no {value.type}: there is no file {mark} in it")
    return value.model_copy(update={"path": str(path)})


def _shown(value: Any) -> str:
    """An input as its command reads it; of booleans Azure writes Python's words."""
    return value.path if isinstance(value, DataValue) else str(value)


def _fresh_outputs(job: CommandJob, run: Run) -> dict[str, Path]:
    """Paths for the outputs, those of folders made and empty."""
    shutil.rmtree(run.named_outputs, ignore_errors=True)
    paths = {name: run.named_outputs / name for name in job.outputs}
    with output_errors(run.named_outputs):
        run.named_outputs.mkdir()
        for name, output in job.outputs.items():
            if output.type != "uri_file":
                paths[name].mkdir()
    return paths


def _fresh_folder(job: CommandJob, run: Run) -> Path:
    """The folder to run in, with the code in it."""
    work = run.folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(run.outputs, ignore_errors=True)
    with output_errors(work):
        work.mkdir()
        run.outputs.mkdir()
        if job.code_digest is not None:
            copy_code(job.code_digest, work)
        if not (work / "outputs").exists():
            # Azure keeps what is written to ./outputs as the default output.
            (work / "outputs").symlink_to(run.outputs)
    return work


def _variables_of_run(
    run: Run, tracking: MlflowRun, inputs: dict[str, str], outputs: dict[str, Path]
) -> dict[str, str]:
    """Where the command logs, and its inputs and outputs by Azure's names."""
    return {
        "MLFLOW_RUN_ID": tracking.run_id,
        "MLFLOW_EXPERIMENT_NAME": run.state.experiment_name,
        "AZUREML_RUN_ID": run.name,
        **{f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()},
        **{f"AZURE_ML_OUTPUT_{name}": os.fspath(path) for name, path in outputs.items()},
    }


def _failure(job: CommandJob, run: Run, ended: Ended, start: int) -> str:
    how = (
        f"took longer than its {job.limits.timeout:g} seconds and was ended"
        if ended.timed_out
        else f"ended with exit code {ended.code}"
        if ended.code > 0
        else f"was ended by signal {-ended.code}"
    )
    said = last_lines(run.log, start)
    lines = f"; its last lines:\n{said}" if said else "; it printed nothing"
    return f"the command {how}. Its log is {run.log}{lines}"


def _check_made(job: CommandJob, outputs: dict[str, Path]) -> None:
    for name, path in outputs.items():
        if not path.exists():
            raise RunFailed(
                f"the command did not write its output {name!r}, a {job.outputs[name].type}; it is "
                f"given the path as ${{{{outputs.{name}}}}}"
            )
