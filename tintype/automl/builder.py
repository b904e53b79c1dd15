"""AutoML jobs in Python, by the names of Azure's SDK (docs/contracts.md §2.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from tintype.schemas.automl_job import AutomlJob, read_automl_job
from tintype.schemas.distributions import Distribution
from tintype.schemas.document import Document
from tintype.schemas.job_parts import DataInput
from tintype.schemas.sweep import EarlyTermination, SamplingAlgorithm

__all__ = [
    "ClassificationMultilabelPrimaryMetrics",
    "ClassificationPrimaryMetrics",
    "ImageJob",
    "Input",
    "SearchSpace",
    "image_classification",
    "image_classification_multilabel",
]


class ClassificationPrimaryMetrics(StrEnum):
    """What a multi-class job can maximise."""

    ACCURACY = "accuracy"
    AUC_WEIGHTED = "AUC_weighted"
    NORM_MACRO_RECALL = "norm_macro_recall"
    AVERAGE_PRECISION_SCORE_WEIGHTED = "average_precision_score_weighted"
    PRECISION_SCORE_WEIGHTED = "precision_score_weighted"


class ClassificationMultilabelPrimaryMetrics(StrEnum):
    """What a multi-label job can maximise."""

    IOU = "iou"
    ACCURACY = "accuracy"
    AUC_WEIGHTED = "AUC_weighted"
    NORM_MACRO_RECALL = "norm_macro_recall"
    AVERAGE_PRECISION_SCORE_WEIGHTED = "average_precision_score_weighted"
    PRECISION_SCORE_WEIGHTED = "precision_score_weighted"


class Input(dict[str, Any]):
    """A data set: `Input(path="./train", type="mltable")`."""

    def __init__(self, *, path: str | Path, type: str | None = None, **more: Any) -> None:
        given = {"path": str(path), "type": type, **more}
        super().__init__({key: value for key, value in given.items() if value is not None})


class SearchSpace(dict[str, Any]):
    """One sub-space: `SearchSpace(model_name=Choice([...]), learning_rate=Uniform(0.001, 0.01))`."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(parameters)


class ImageJob:
    """An AutoML job in the making; `document()` checks it and `Client().jobs` runs it.

    >>> job = image_classification(training_data=Input(path="./train"), target_column_name="label")
    >>> job.set_limits(max_trials=10)
    >>> job.document().mode
    'automatic'
    """

    def __init__(self, task: str, **given: Any) -> None:
        """Prefer `image_classification` and `image_classification_multilabel`."""
        self._data: dict[str, Any] = {"type": "automl", "task": task}
        self._set(**given)

    def set_data(
        self,
        *,
        training_data: Any,
        target_column_name: str | None = None,
        validation_data: Any = None,
        validation_data_size: float | None = None,
    ) -> None:
        """Labelled images to learn from and to judge by."""
        self._set(
            training_data=training_data,
            target_column_name=target_column_name,
            validation_data=validation_data,
            validation_data_size=validation_data_size,
        )

    def set_limits(
        self,
        *,
        max_concurrent_trials: int | None = None,
        max_trials: int | None = None,
        timeout_minutes: int | None = None,
    ) -> None:
        """How much may be spent."""
        self._merge(
            "limits",
            max_concurrent_trials=max_concurrent_trials,
            max_trials=max_trials,
            timeout_minutes=timeout_minutes,
        )

    def set_training_parameters(self, **parameters: Any) -> None:
        """Fixed hyperparameters of every trial."""
        self._merge("training_parameters", **parameters)

    def extend_search_space(self, value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Add one sub-space, or several."""
        spaces = [value] if isinstance(value, Mapping) else value
        added = [
            {name: item for name, item in space.items() if item is not None} for space in spaces
        ]
        self._data["search_space"] = [*self._data.get("search_space", []), *added]

    def set_sweep(
        self,
        *,
        sampling_algorithm: str | SamplingAlgorithm,
        early_termination: EarlyTermination | None = None,
    ) -> None:
        """How points of the search space are drawn, and hopeless trials ended."""
        self._data["sweep"] = {
            "sampling_algorithm": _plain(sampling_algorithm),
            "early_termination": _plain(early_termination),
        }

    def document(self) -> AutomlJob:
        """The job, checked; relative paths are taken from the working directory.

        Raises:
            DocumentError: names every key that cannot be used, and why.
        """
        return read_automl_job(Document(_plain(self._data)), Path.cwd())

    def _set(self, **values: Any) -> None:
        self._data |= {name: value for name, value in values.items() if value is not None}

    def _merge(self, key: str, **values: Any) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        self._data[key] = {**self._data.get(key, {}), **given}


def image_classification(
    *,
    training_data: Any,
    target_column_name: str = "label",
    primary_metric: str | None = None,
    validation_data: Any = None,
    validation_data_size: float | None = None,
    **more: Any,
) -> ImageJob:
    """A multi-class job. `more`: any other key of the document (name, experiment_name, outputs, ...)."""
    return ImageJob(
        "image_classification",
        training_data=training_data,
        target_column_name=target_column_name,
        primary_metric=primary_metric,
        validation_data=validation_data,
        validation_data_size=validation_data_size,
        **more,
    )


def image_classification_multilabel(
    *,
    training_data: Any,
    target_column_name: str = "label",
    primary_metric: str | None = None,
    validation_data: Any = None,
    validation_data_size: float | None = None,
    **more: Any,
) -> ImageJob:
    """A multi-label job. `more`: any other key of the document."""
    return ImageJob(
        "image_classification_multilabel",
        training_data=training_data,
        target_column_name=target_column_name,
        primary_metric=primary_metric,
        validation_data=validation_data,
        validation_data_size=validation_data_size,
        **more,
    )


def _plain(value: Any) -> Any:
    """Settings as a document has them: distributions, policies and paths written out."""
    if isinstance(value, Distribution):
        return value
    if isinstance(value, SamplingAlgorithm | EarlyTermination | DataInput):
        return value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path | StrEnum):
        return str(value)
    return value
