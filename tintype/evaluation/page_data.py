"""What `sections.js` draws, as data: a model's metrics, its predictions with their pictures, what it confuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.evaluation.examples import Confusions, confusions, judge
from tintype.evaluation.intervals import LEVEL
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.shown_rows import choose_rows
from tintype.images.thumbnails import THUMBNAIL_TYPE, thumbnails
from tintype.pages import data_url
from tintype.schemas.task import MULTILABEL

__all__ = ["THUMBNAIL_SIDE", "file_name", "metrics_data", "predictions_data", "rounded"]

THUMBNAIL_SIDE = 144  # pixels

# Pairs of classes that are kept, the most frequent; an entry takes 12 bytes.
_CELLS = 20_000


def metrics_data(summary: Mapping[str, Any]) -> dict[str, Any]:
    """
    Args:
        summary: `Evaluation.summary`.
    """
    intervals = summary["intervals"]
    return {
        "level": LEVEL,
        "metrics": [
            [name, rounded(value), *map(rounded, intervals.get(name) or (None, None))]
            for name, value in sorted(summary["metrics"].items())
        ],
        "undefined": summary["undefined_metrics"],
    }


def predictions_data(
    made: Predictions, classes: Sequence[str], images: ImageTable | None
) -> dict[str, Any]:
    """Predictions, all or the most telling, and confusions; bounded whatever the number of rows and classes.

    Args:
        images: of the predictions' rows; None: none are shown.
    """
    judgement, found = judge(made), confusions(made)
    shown = choose_rows(made, judgement, found)
    places = {} if images is None else {row: images.location(row) for row in shown.rows.tolist()}
    pictures = thumbnails(
        (places[row] for row in shown.pictured.tolist() if places), THUMBNAIL_SIDE
    )
    numbers = {place: number for number, place in enumerate(pictures)}
    rows = [
        [
            row,
            true,
            predicted,
            round(float(judgement.certainty[row]), 4),
            round(float(judgement.margin[row]), 4),
            file_name(places[row]) if places else None,
            numbers.get(places[row]) if places else None,
        ]
        for row, true, predicted in zip(
            shown.rows.tolist(),
            _codes(made, made.targets, shown.rows),
            _codes(made, made.predicted, shown.rows),
            strict=True,
        )
    ]
    return {
        "multilabel": made.task == MULTILABEL,
        "classes": list(classes),
        "rows": rows,
        # Without pictures anywhere nothing needs to be said of those that have one.
        "rows_left_out": shown.sentence if places or len(rows) < len(made.targets) else "",
        "pictures": [data_url(content, THUMBNAIL_TYPE) for content in pictures.values()],
        "confusion": _confusion(made, found),
    }


def file_name(location: str) -> str:
    """The last part of a path or URL."""
    return location.rsplit("/", 1)[-1]


def rounded(value: Any) -> Any:
    """Numbers to as many places as are shown."""
    return round(value, 4) if isinstance(value, float) else value


def _confusion(made: Predictions, found: Confusions) -> dict[str, Any]:
    """Counts of each class, and the pairs of classes that are confused."""
    support = made.indicators.sum(0, dtype=np.int64)
    if made.task == MULTILABEL:
        hits = (made.targets * made.predicted).sum(0)
        predicted = made.predicted.sum(0)
    else:
        hits = np.bincount(made.targets[made.targets == made.predicted], minlength=made.classes)
        predicted = np.bincount(made.predicted, minlength=made.classes)
    return {
        "support": support.tolist(),
        "hits": hits.tolist(),
        "wrong": (predicted - hits).tolist(),
        "cells": found.cells[:_CELLS].tolist(),
        "cells_in_all": len(found.cells),
    }


def _codes(made: Predictions, values: np.ndarray, rows: np.ndarray) -> list[Any]:
    """Of each row its class, or the list of its labels."""
    if made.task == MULTILABEL:
        return [np.flatnonzero(values[row]).tolist() for row in rows]
    return list(values[rows].tolist())
