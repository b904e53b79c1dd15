"""The page of an evaluation: its numbers, its plots, and the images to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.evaluation import html
from tintype.evaluation.examples import (
    Example,
    class_samples,
    confused_pairs,
    least_certain,
    most_confident_mistakes,
)
from tintype.evaluation.intervals import LEVEL
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.thresholds import threshold_section
from tintype.evaluation.thumbnails import thumbnails
from tintype.images.fingerprints import NearDuplicates
from tintype.schemas.task import MULTILABEL

__all__ = ["EvaluationPage", "write_evaluation_page"]

_MISTAKES, _DOUBTFUL, _PAIRS, _CLASSES, _EACH = 21, 14, 12, 40, 8
_DUPLICATES = 12

_SIDE = 144  # pixels

# Where the slider begins where labels have thresholds of their own.
_EVEN_ODDS = 0.5

# Longer lists of a picture's labels are cut.
_LABELS = 4


@dataclass(frozen=True)
class EvaluationPage:
    """What the page is made of."""

    summary: Mapping[str, Any]
    """The content of metrics.json."""

    predictions: Predictions
    classes: Sequence[str]

    plots: Mapping[str, bytes]
    """Name to PNG."""

    images: ImageTable | None
    """The images of the predictions' rows; None: none are shown."""

    thresholds: Mapping[str, Any] | None
    """Multi-label: see `threshold_table`."""

    notices: Sequence[str] = ()
    """What people should know of the data."""

    near_duplicates: NearDuplicates | None = None
    """Images that are nearly the same as training images, where those are known."""


def write_evaluation_page(page: EvaluationPage) -> str:
    """The page as self-contained HTML; its one script moves the threshold of multi-label tables."""
    return html.page(
        "Evaluation",
        html.paragraph(_lead(page.summary)),
        *(html.paragraph(notice) for notice in page.notices),
        html.section("Metrics", *_metrics(page.summary)),
        html.section("Near-duplicates of training images", *_near_duplicates(page)),
        *_galleries(page),
        html.section("Labels by threshold", _thresholds(page)),
        html.section("Plots", _plots(page.plots)),
        html.section("Classes", _class_table(page.summary["classes"])),
    )


def _lead(summary: Mapping[str, Any]) -> str:
    lead = f"{summary['rows']} images, task {summary['task']}."
    if summary["groups"] is not None:
        lead += f" They are of {summary['groups']} groups, which intervals draw as wholes."
    if summary["dropped_images"]:
        lead += f" {summary['dropped_images']} images could not be read and are not counted."
    if isinstance(summary["threshold"], dict):
        shown = ", ".join(f"{name} {value:.2f}" for name, value in summary["threshold"].items())
        lead += f" A label counts as predicted at the threshold of its class and above: {shown}."
    elif summary["threshold"] is not None:
        lead += f" A label counts as predicted at {summary['threshold']} and above."
    return lead


def _metrics(summary: Mapping[str, Any]) -> list[str]:
    undefined = ", ".join(summary["undefined_metrics"])
    intervals = summary["intervals"]
    rows = [
        (name, value, html.interval(intervals.get(name)))
        for name, value in sorted(summary["metrics"].items())
    ]
    return [
        html.table(("metric", "value", f"{LEVEL:.0%} interval"), rows),
        html.paragraph(
            "An interval says how far the value could move with other images of the same kind."
        ),
        html.paragraph(f"Without a value on this data: {undefined}." if undefined else ""),
    ]


_ALT = {
    "confusion_matrix": "Confusion matrix of true against predicted classes",
    "roc": "ROC curves",
    "precision_recall": "Precision over recall curves",
    "calibration": "Reliability diagram of confidence against the share that is right",
}


def _plots(plots: Mapping[str, bytes]) -> str:
    pictures = "".join(html.picture(png, _ALT[name]) for name, png in plots.items())
    return f'<div class="plots">{pictures}</div>'


def _thresholds(page: EvaluationPage) -> str:
    if page.thresholds is None:
        return ""
    given = page.predictions.threshold
    return "\n".join(
        (
            html.paragraph(
                "Best F1 is the highest on these very images, and would be a little lower on "
                "others."
            ),
            threshold_section(
                dict(page.thresholds), given if isinstance(given, float) else _EVEN_ODDS
            ),
        )
    )


def _class_table(rows: Sequence[Mapping[str, Any]]) -> str:
    return html.table(list(rows[0]) if rows else (), [list(row.values()) for row in rows])


# Pictures ------------------------------------------------------------------------------------


def _galleries(page: EvaluationPage) -> list[str]:
    if page.images is None:
        return []
    made = page.predictions
    mistakes = most_confident_mistakes(made, _MISTAKES)
    doubtful = least_certain(made, _DOUBTFUL)
    pairs = confused_pairs(made, _PAIRS, _EACH)
    support = made.indicators.sum(0)
    frequent = np.sort(np.argsort(-support, kind="stable")[:_CLASSES])
    samples = class_samples(made, frequent.tolist(), _EACH)
    shown = [
        *mistakes,
        *doubtful,
        *(example for pair in pairs for example in pair.examples),
        *(example for _, examples in samples for example in examples),
    ]
    wall = _Wall(page, [example.row for example in shown])
    multilabel = made.task == MULTILABEL
    return [
        html.section(
            "Most confident mistakes",
            _what(
                "The model is sure of these and wrong, or they are labelled wrongly.",
                "The number is how far the worst label's probability is off."
                if multilabel
                else "The number is the probability of what was predicted.",
            ),
            wall.grid(mistakes, "None: every image is right."),
        ),
        html.section(
            "Least certain",
            _what(
                "More images like these teach the most.",
                "The number is the probability that is nearest to the threshold."
                if multilabel
                else "The two likeliest classes are nearly as likely; the number is the likeliest's.",
            ),
            wall.grid(doubtful, "None."),
        ),
        html.section(
            "Confused classes",
            _what(
                "Pairs of a label that was missed and one predicted in its place, the most "
                "frequent first."
                if multilabel
                else "The most frequent first, with the surest of each.",
                "",
            ),
            html.strips(
                html.strip(
                    f"{page.classes[pair.true]} taken for {page.classes[pair.predicted]}",
                    f"{pair.count} of {int(support[pair.true])}",
                    wall.figures(pair.examples, "number"),
                )
                for pair in pairs
            )
            or html.paragraph("None."),
        ),
        html.section(
            "Samples of each class",
            _what(
                "From the one where the class is likeliest to the one where it is least so; the "
                "number is "
                "its probability.",
                f"The {_CLASSES} most frequent of {made.classes} classes."
                if made.classes > _CLASSES
                else "",
            ),
            *(
                html.strip(
                    page.classes[code],
                    f"{int(support[code])} images",
                    wall.figures(examples, "mistake"),
                )
                for code, examples in samples
            ),
        ),
    ]


def _what(*sentences: str) -> str:
    return html.paragraph(" ".join(filter(None, sentences)))


_Say = Literal["labels", "mistake", "number"]


def _near_duplicates(page: EvaluationPage) -> list[str]:
    """Pairs of an image and a training image; nothing where there are none."""
    found = page.near_duplicates
    if not found:
        return []
    shown = found.pairs[:_DUPLICATES]
    pictures = thumbnails((place for pair in shown for place in pair[:2]), _SIDE)
    strips = [
        html.strip(
            "",
            "",
            [
                html.picture(
                    pictures[place],
                    f"{what}: {place.rsplit('/', 1)[-1]}",
                    kind="jpeg",
                    caption=what,
                    title=place,
                )
                for place, what in zip(pair[:2], ("evaluated", "trained on"), strict=True)
                if place in pictures
            ],
        )
        for pair in shown
    ]
    return [
        html.paragraph(
            f"{found.count} of {found.images} images are nearly the same as images that the "
            "model was "
            "trained on, so that the metrics are too good. Remove them, or say which images belong "
            "together (group_pattern or group_column_name)."
        ),
        html.strips(strips),
    ]


class _Wall:
    """Thumbnails of the images that a page shows, each read once."""

    def __init__(self, page: EvaluationPage, rows: Sequence[int]) -> None:
        assert page.images is not None
        self._classes = page.classes
        self._multilabel = page.predictions.task == MULTILABEL
        self._locations = {row: page.images.location(row) for row in dict.fromkeys(rows)}
        self._pictures = thumbnails(self._locations.values(), _SIDE)

    def grid(self, examples: Sequence[Example], otherwise: str) -> str:
        """Pictures side by side; `otherwise` where there is none."""
        if not examples:
            return html.paragraph(otherwise)
        return f'<div class="pictures">{"".join(self.figures(examples))}</div>'

    def figures(self, examples: Sequence[Example], say: _Say = "labels") -> list[str]:
        """A figure of each example whose image can be read.

        Args:
            say: what stands below it beside the probability: its labels, only what it was wrongly
                taken for, or nothing.
        """
        return [figure for example in examples if (figure := self._figure(example, say))]

    def _figure(self, example: Example, say: _Say) -> str:
        location = self._locations[example.row]
        content = self._pictures.get(location)
        if content is None:
            return ""
        true, found = self._names(example.true), self._names(example.predicted)
        number = f"{example.probability:.2f}"
        caption = number
        if say == "labels":
            caption = f"{true if example.right else f'{true} → {found}'} {number}"
        elif say == "mistake" and not example.right:
            caption = f"{number} → {found}"
        return html.picture(
            content,
            f"labelled {true}, predicted {found}",
            kind="jpeg",
            caption=caption,
            title=location.rsplit("/", 1)[-1],
            mark="right" if example.right else "wrong",
        )

    def _names(self, codes: Sequence[int]) -> str:
        names = [self._classes[code] for code in codes]
        if self._multilabel:
            more = len(names) - _LABELS
            names = [*names[:_LABELS], f"{more} more"] if more > 1 else names
            return ", ".join(names) or "no label"
        return names[0]
