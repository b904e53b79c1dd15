"""The labelled images that models are held against, by an evaluation or a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tintype.data.reading import read_image_table
from tintype.errors import UsageError
from tintype.schemas.comparison_job import ComparisonJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL, ClassificationTask

if TYPE_CHECKING:
    from tintype.data.image_table import ImageTable
    from tintype.scoring.scorer import Scorer

__all__ = ["read_test_table", "task_of_labels"]


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
