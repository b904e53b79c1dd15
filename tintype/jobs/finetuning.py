"""The walk *train*: a fine-tuning document becomes a model folder. Read it from top to bottom."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.errors import RunCancelled, UsageError
from tintype.files import atomic_folder, locked_folder
from tintype.images.readability import drop_unreadable
from tintype.jobs.event_log import log_event
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.job_parts import DataInput
from tintype.workspace.registry import register_model, resolve_model
from tintype.workspace.runs import RunStore
from tintype.workspace.tracking import MlflowRun

__all__ = ["Tables", "load_tables", "reserved_output", "run_finetuning"]


@dataclass(frozen=True)
class Tables:
    """A job's data, checked, without unreadable images."""

    train: ImageTable
    validation: ImageTable | None
    test: ImageTable | None
    dropped: dict[str, int]
    """Unreadable images left out, by table."""


def load_tables(job: FinetuningJob) -> Tables:
    """Read and check all data of `job`.

    Raises:
        DataError: names file, line and field of what cannot be used.
    """
    dropped: dict[str, int] = {}

    def load(name: str, given: DataInput | None) -> ImageTable | None:
        if given is None:
            return None
        table = read_image_table(
            given.path,
            task=job.task,
            label_column=job.label_column_name,
            image_column=job.input_column_names,
        )
        table, dropped[name] = drop_unreadable(
            table, ignore_data_errors=job.hyperparameters.ignore_data_errors
        )
        return table

    train = load("training_data", job.training_data)
    assert train is not None
    check_training_table(train)
    others = (load("validation_data", job.validation_data), load("test_data", job.test_data))
    validation, test = (
        None if table is None else check_validation_table(train, table) for table in others
    )
    return Tables(train, validation, test, dropped)


def run_finetuning(
    job: FinetuningJob, name: str, store: RunStore, *, cancelled: Callable[[], bool]
) -> None:
    """Execute `job` in the run folder `name`.

    Raises:
        TintypeError: whatever ends the run; `RunCancelled` when `cancelled` said so.
    """
    from tintype.jobs.evaluation import evaluate_tables
    from tintype.training.finetuning import finetune

    for notice in job.notices():
        print(f"notice: {notice}", flush=True)
    folder = store.path(name)
    tables = load_tables(job)
    for table, count in tables.dropped.items():
        if count:
            print(f"{table}: {count} images cannot be read and are left out", flush=True)

    run = MlflowRun.start(
        job.experiment_name,
        name,
        tags={**job.tags, "tintype.job": name},
        run_id=store.get(name).mlflow_run_id,
    )
    store.update(name, status="Running", mlflow_run_id=run.run_id)
    run.log_params(job.hyperparameters.model_dump(exclude_unset=True))
    copy_to = _output_path(job)
    try:
        with reserved_output(copy_to):
            result = finetune(
                checkpoint=resolve_model(job.model_name),
                train=tables.train,
                validation=tables.validation,
                task=job.task,
                parameters=job.hyperparameters,
                output_folder=folder / "outputs",
                checkpoint_folder=folder / "checkpoints",
                resume=True,
                log=lambda event: log_event(event, run),
                cancelled=cancelled,
            )
            store.update(name, status="Finalizing")
            metrics = evaluate_tables(job, result, tables, folder / "outputs")
            metrics["dropped_images"] = float(sum(tables.dropped.values()))
            if copy_to:
                with atomic_folder(copy_to) as temporary:
                    shutil.copytree(result.model_folder, temporary, dirs_exist_ok=True)
        run.log_metrics(metrics, step=result.best_step)
        run.log_folder(folder / "outputs", "outputs")
        registered = _register(job, result.model_folder, name)
        store.update(name, metrics=metrics, registered_model=registered)
        run.set_tag("tintype.model_folder", str(result.model_folder))
        run.end("FINISHED")
    except BaseException as error:
        run.end("KILLED" if isinstance(error, RunCancelled) else "FAILED")
        raise
    best = f"{result.plan['metric']} {result.best_metric:.4f} after step {result.best_step}"
    print(f"Completed: {best}; the model is in {result.model_folder}", flush=True)


@contextlib.contextmanager
def reserved_output(path: Path | None) -> Iterator[None]:
    """Hold `path` against every other job that would write it."""
    if path is None:
        yield
        return
    marker = path.parent / f".{path.name}.writing"
    with locked_folder(marker):
        yield
    shutil.rmtree(marker, ignore_errors=True)


def _output_path(job: FinetuningJob) -> Path | None:
    paths = [output.path for output in job.outputs.values() if output.path]
    if len(paths) > 1:
        raise UsageError(f"outputs: one path is enough, {len(paths)} given: {', '.join(paths)}")
    return Path(paths[0]) if paths else None


def _register(job: FinetuningJob, folder: Path, run_name: str) -> str | None:
    names = [output.name for output in job.outputs.values() if output.name]
    if not names:
        return None
    model = register_model(names[0], folder, tags={"tintype.job": run_name})
    print(f"Registered {model.name}, version {model.version}", flush=True)
    return f"{model.name}:{model.version}"
