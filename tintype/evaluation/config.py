"""What to compute: Azure's `evaluation_config` (docs/contracts.md §5.2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tintype.evaluation.metrics import check_metric_names
from tintype.schemas.document import StrictModel
from tintype.schemas.task import ClassificationTask

__all__ = ["EvaluationConfig"]


class EvaluationConfig(StrictModel):
    """`{"metrics": [...], "threshold": 0.5}`; both may be left out."""

    metrics: list[str] | None = None
    """Names to compute; None takes all of the task."""

    threshold: Annotated[float | None, Field(gt=0, lt=1)] = None
    """Multi-label: a label is predicted at or above this probability. None: from the thresholds on that
    were tuned in training, where the model has some, else from 0.5 on."""

    def check_task(self, task: ClassificationTask) -> None:
        """
        Raises:
            UsageError: a metric that `task` does not have.
        """
        check_metric_names(task, self.metrics or ())
