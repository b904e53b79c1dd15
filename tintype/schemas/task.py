"""The tasks a model can have, spelled as Azure's job documents and catalog cards spell them."""

from __future__ import annotations

from typing import Literal

from tintype.errors import UsageError

__all__ = [
    "CLASSIFICATION_TASKS",
    "EMBEDDINGS",
    "MULTICLASS",
    "MULTILABEL",
    "TASKS",
    "ZERO_SHOT",
    "ClassificationTask",
    "Task",
    "parse_task",
    "parse_training_task",
]

ClassificationTask = Literal["image_classification", "image_classification_multilabel"]
"""What can be trained and evaluated: a fixed list of classes."""

Task = Literal[
    "image_classification",
    "image_classification_multilabel",
    "zero_shot_image_classification",
    "embeddings",
]
"""What a Scorer can answer."""

MULTICLASS: ClassificationTask = "image_classification"
MULTILABEL: ClassificationTask = "image_classification_multilabel"
ZERO_SHOT: Task = "zero_shot_image_classification"
EMBEDDINGS: Task = "embeddings"

CLASSIFICATION_TASKS: tuple[ClassificationTask, ...] = (MULTICLASS, MULTILABEL)
TASKS: tuple[Task, ...] = (MULTICLASS, MULTILABEL, ZERO_SHOT, EMBEDDINGS)


def parse_training_task(name: str) -> ClassificationTask:
    """The trainable task called `name`; hyphens (Azure's fine-tune component) count as underscores.

    Raises:
        UsageError: no such task.
    """
    for task in CLASSIFICATION_TASKS:
        if _canonical(name) == task:
            return task
    raise UsageError(f"task {name!r}: expected {MULTICLASS!r} or {MULTILABEL!r}")


def parse_task(name: str) -> Task:
    """The task called `name`; hyphens (Azure's catalog cards) count as underscores.

    Raises:
        UsageError: no such task.
    """
    for task in TASKS:
        if _canonical(name) == task:
            return task
    raise UsageError(f"task {name!r}: expected one of {', '.join(TASKS)}")


def _canonical(name: str) -> str:
    return name.strip().lower().replace("-", "_")
