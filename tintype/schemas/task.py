"""The tasks a model can have, spelled as Azure's job documents spell them."""

from __future__ import annotations

from typing import Literal

from tintype.errors import UsageError

__all__ = ["MULTICLASS", "MULTILABEL", "ClassificationTask", "parse_task"]

ClassificationTask = Literal["image_classification", "image_classification_multilabel"]

MULTICLASS: ClassificationTask = "image_classification"
MULTILABEL: ClassificationTask = "image_classification_multilabel"


def parse_task(name: str) -> ClassificationTask:
    """The task called `name`; hyphens (Azure's fine-tune component) count as underscores.

    Raises:
        UsageError: no such task.
    """
    canonical = name.strip().lower().replace("-", "_")
    if canonical == MULTICLASS:
        return MULTICLASS
    if canonical == MULTILABEL:
        return MULTILABEL
    raise UsageError(f"task {name!r}: expected {MULTICLASS!r} or {MULTILABEL!r}")
