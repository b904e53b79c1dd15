"""Reading a job document of any kind: what a `tintype job create --file` YAML may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tintype.errors import DocumentError, nearest
from tintype.schemas.automl_job import AutomlJob, read_automl_job
from tintype.schemas.batch_job import BatchJob, read_batch_job
from tintype.schemas.command_job import CommandJob, read_command_job
from tintype.schemas.comparison_job import ComparisonJob, read_comparison_job
from tintype.schemas.document import Document, apply_overrides, read_yaml
from tintype.schemas.evaluation_job import EvaluationJob, read_evaluation_job
from tintype.schemas.finetuning_job import FinetuningJob, read_finetuning_job
from tintype.schemas.monitor_job import MonitorJob, read_monitor_job
from tintype.schemas.pipeline_job import PipelineJob, read_pipeline_job
from tintype.schemas.sweep_job import SweepJob, read_sweep_job

__all__ = ["Job", "load_job", "parse_job"]

Job = (
    FinetuningJob
    | AutomlJob
    | BatchJob
    | EvaluationJob
    | ComparisonJob
    | CommandJob
    | MonitorJob
    | SweepJob
    | PipelineJob
)

_READERS: dict[str, Callable[[Document, Path], Job]] = {
    "finetuning": read_finetuning_job,
    "automl": read_automl_job,
    "batch": read_batch_job,
    "evaluation": read_evaluation_job,
    "comparison": read_comparison_job,
    "command": read_command_job,
    "monitor": read_monitor_job,
    "sweep": read_sweep_job,
    "pipeline": read_pipeline_job,
}


def load_job(path: str | Path, overrides: Sequence[str] = ()) -> Job:
    """Read a job document of any kind, Azure's or with Tintype's own keys.

    Relative paths in it are taken from the document's folder.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    document = apply_overrides(read_yaml(path), overrides)
    return parse_job(document, Path(path).absolute().parent)


def parse_job(document: Document, base: Path) -> Job:
    """Check a document of any kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: as `load_job`.
    """
    kind = document.data.get("type", "finetuning")
    reader = _READERS.get("finetuning" if kind == "finetune" else kind)
    if reader is None:
        raise DocumentError(
            f"{kind!r} is not a kind of job that runs here; expected {', '.join(_READERS)}."
            f"{nearest(str(kind), _READERS)}",
            file=document.path,
            line=document.line(("type",)),
            field="type",
        )
    return reader(document, base)
