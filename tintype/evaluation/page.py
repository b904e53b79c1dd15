"""The page of an evaluation: what `page.js` draws, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.data.image_table import ImageTable
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.page_data import (
    THUMBNAIL_SIDE,
    file_name,
    metrics_data,
    predictions_data,
    rounded,
)
from tintype.images.fingerprints import NearDuplicates
from tintype.images.thumbnails import THUMBNAIL_TYPE, thumbnails
from tintype.pages import data_url, document
from tintype.pages.explained import ExplainedPictures

__all__ = ["EvaluationPage", "write_evaluation_page"]

_PAGE = Path(__file__).with_name("page.js")

_DUPLICATES = 24

# Longer lists of labels with thresholds of their own are not written out.
_THRESHOLDS = 12


@dataclass(frozen=True)
class EvaluationPage:
    """What the page is made of."""

    summary: Mapping[str, Any]
    """The content of metrics.json."""

    predictions: Predictions
    classes: Sequence[str]

    roc: Mapping[str, Any]
    precision_recall: Mapping[str, Any]
    calibration: Mapping[str, Any]
    """See `evaluation.curves`."""

    images: ImageTable | None
    """The images of the predictions' rows; None: none are shown."""

    thresholds: Mapping[str, Any]
    """`threshold_table`, or `confidence_table` of single-label predictions."""

    notices: Sequence[str] = ()
    """What people should know of the data."""

    near_duplicates: NearDuplicates | None = None
    """Images that are nearly the same as training images, where those are known."""

    explained: ExplainedPictures | None = None
    """The surest mistakes with what speaks for their labels."""


def write_evaluation_page(page: EvaluationPage) -> str:
    """The page as one HTML file; its size has a bound, whatever the number of rows and classes."""
    summary = page.summary
    threshold = summary["threshold"]
    return document(
        "Evaluation",
        page=_PAGE,
        lead=[_lead(summary), *page.notices],
        data={
            **metrics_data(summary),
            **predictions_data(page.predictions, page.classes, page.images),
            "class_table": [
                [rounded(value) for key, value in row.items() if key != "class"]
                for row in summary["classes"]
            ],
            "curves": {
                "roc": page.roc["curves"],
                "precision_recall": page.precision_recall["curves"],
                "classes_in_all": page.roc["classes_in_all"],
            },
            "calibration": page.calibration,
            "thresholds": page.thresholds,
            "threshold": threshold if isinstance(threshold, float) else None,
            "explained": page.explained.data() if page.explained is not None else None,
            "near_duplicates": _near_duplicates(page.near_duplicates),
        },
    )


def _lead(summary: Mapping[str, Any]) -> str:
    lead = f"{summary['rows']:,} images, task {summary['task']}."
    if summary["groups"] is not None:
        lead += f" They are of {summary['groups']:,} groups, which intervals draw as wholes."
    if summary["dropped_images"]:
        lead += f" {summary['dropped_images']:,} images could not be read and are not counted."
    thresholds = summary["threshold"]
    if isinstance(thresholds, dict) and len(thresholds) > _THRESHOLDS:
        lead += " A label counts as predicted at the threshold of its class and above."
    elif isinstance(thresholds, dict):
        shown = ", ".join(f"{name} {value:.2f}" for name, value in thresholds.items())
        lead += f" A label counts as predicted at the threshold of its class and above: {shown}."
    elif thresholds is not None:
        lead += f" A label counts as predicted at {thresholds} and above."
    return lead


def _near_duplicates(found: NearDuplicates | None) -> dict[str, Any] | None:
    """Pairs of an image and a training image, each as [name, picture]."""
    if not found:
        return None
    pairs = [pair[:2] for pair in found.pairs[:_DUPLICATES]]
    pictures = thumbnails((place for pair in pairs for place in pair), THUMBNAIL_SIDE)
    shown = {place: data_url(content, THUMBNAIL_TYPE) for place, content in pictures.items()}
    return {
        "count": found.count,
        "images": found.images,
        "pairs": [[[file_name(place), shown.get(place)] for place in pair] for pair in pairs],
    }
