"""Reading a job document of any kind: what a `tintype job create --file` YAML may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tintype.errors import DocumentError, nearest
from tintype.schemas.automl_job import AutomlJob, read_automl_job
from tintype.schemas.batch_job import BatchJob, read_batch_job
from tintype.schemas.document import Document, apply_overrides, read_yaml
from tintype.schemas.evaluation_job import EvaluationJob, read_evaluation_job
from tintype.schemas.evaluation_pipeline import flatten_evaluation, is_evaluation
from tintype.schemas.finetuning_job import FinetuningJob, read_finetuning_job
from tintype.schemas.pipeline import flatten_pipeline, is_pipeline

__all__ = ["Job", "load_job", "parse_job"]

Job = FinetuningJob | AutomlJob | BatchJob | EvaluationJob

_READERS: dict[str, Callable[[Document, Path], Job]] = {
    "finetuning": read_finetuning_job,
    "automl": read_automl_job,
    "batch": read_batch_job,
    "evaluation": read_evaluation_job,
}


def load_job(path: str | Path, overrides: Sequence[str] = ()) -> Job:
    """Read a job document: Tintype's own, or one of Azure's pipelines around the same work.

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
    if is_evaluation(document):
        document = flatten_evaluation(document, base)
    elif is_pipeline(document):
        document = flatten_pipeline(document)
    kind = document.data.get("type", "finetuning")
    reader = _READERS.get("finetuning" if kind == "finetune" else kind)
    if reader is None:
        raise DocumentError(
            f"{kind!r} is not a kind of job that runs here; expected {', '.join(_READERS)}, or a "
            f"pipeline around one of them.{nearest(str(kind), _READERS)}",
            file=document.path,
            line=document.line(("type",)),
            field="type",
        )
    return reader(document, base)
