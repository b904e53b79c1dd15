"""The labelled images that models are held against, by an evaluation or a comparison, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.data.reading import read_image_table
from tintype.errors import UsageError
from tintype.schemas.comparison_job import ComparisonJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL, ClassificationTask

if TYPE_CHECKING:
    from tintype.data.image_table import ImageTable
    from tintype.scoring.results import TableScores
    from tintype.scoring.scorer import Scorer

__all__ = ["read_test_table", "score_labelled", "task_of_labels", "work_folder"]


def read_test_table(
    job: EvaluationJob | ComparisonJob, task: ClassificationTask | None = None
) -> ImageTable:
    """The job's `test_data`; of data in splits, the test split.

    Args:
        task: what kind of labels it has; None: what they look like.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
    """
    return read_image_table(
        job.test_data.path,
        task=task,
        label_column=job.label_column_name,
        image_column=job.input_column_names,
        split="test",
        group_column=job.group_column_name,
        group_pattern=job.group_pattern,
    )


def task_of_labels(scorer: Scorer) -> ClassificationTask:
    """What kind of labels can be held against the scorer's answers.

    Raises:
        UsageError: the scorer gives embeddings, whose answers have no labels.
    """
    if scorer.task == EMBEDDINGS:
        raise UsageError("a model that gives embeddings has no labels to evaluate or compare")
    return MULTILABEL if scorer.task == MULTILABEL else MULTICLASS


def work_folder(output: Path) -> Path:
    """Where predictions lie until `output`, which is replaced as a whole, is written."""
    return output.absolute().with_name(f".{output.name}.predictions")


def score_labelled(
    scorer: Scorer,
    model: str,
    table: ImageTable,
    job: EvaluationJob | ComparisonJob,
    folder: Path | None,
    *,
    labels: Sequence[str] | None,
    cancelled: Callable[[], bool],
) -> TableScores:
    """As `Scorer.score_table`; where there is a `folder`, with the predictions kept there: see
    `score_table_in_batch`."""
    from tintype.batch.tables import score_table_in_batch

    if folder is None:
        return scorer.score_table(table, labels=labels)
    return score_table_in_batch(
        scorer, model, table, folder, labels=labels, scoring=job.scoring, cancelled=cancelled
    )
