"""What transformers' configs call the two ways of classifying, and Tintype's names for these."""

from __future__ import annotations

from typing import Literal

from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask

__all__ = ["ProblemType", "problem_type_of", "task_of_problem"]

ProblemType = Literal["single_label_classification", "multi_label_classification"]

_MULTICLASS: ProblemType = "single_label_classification"
_MULTILABEL: ProblemType = "multi_label_classification"


def problem_type_of(task: ClassificationTask) -> ProblemType:
    """A config's `problem_type` for `task`."""
    return _MULTILABEL if task == MULTILABEL else _MULTICLASS


def task_of_problem(problem_type: object) -> ClassificationTask:
    """Multi-label where a config's `problem_type` says so, else multi-class."""
    return MULTILABEL if problem_type == _MULTILABEL else MULTICLASS
