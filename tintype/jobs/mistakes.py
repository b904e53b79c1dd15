"""What speaks for the answers of a model in its surest mistakes: for the page of an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from tintype.errors import FetchError, ImageError, ModelError, RunCancelled
from tintype.evaluation.examples import judge, mistaken_labels, most_confident_mistakes
from tintype.jobs.explanations import chosen_method, cost_of
from tintype.pages.explained import ExplainedPicture, ExplainedPictures
from tintype.progress import track
from tintype.schemas.explanation_settings import EvaluationExplanations
from tintype.schemas.task import ZERO_SHOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from tintype.evaluation.report import Evaluation
    from tintype.explaining.explainer import Explainer
    from tintype.scoring.scorer import Scorer

__all__ = ["explain_mistakes"]


def explain_mistakes(
    scorer: Scorer,
    evaluation: Evaluation,
    settings: EvaluationExplanations,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], object] = lambda line: None,
) -> ExplainedPictures | None:
    """Heat maps of what was predicted and of what is labelled, for the surest mistakes; None where there is none.

    Args:
        evaluation: of `scorer`, with its images.
        cancelled: asked before every picture.
        tell: receives a sentence about what it costs.

    Raises:
        RunCancelled: `cancelled` said so.
        UsageError: the method is not valid for the model.
    """
    from tintype.explaining.automatic import MOST_TRIED
    from tintype.explaining.explainer import Explainer
    from tintype.explaining.targets import Targets
    from tintype.explaining.writing import shown_explanation

    made, images = evaluation.predictions, evaluation.images
    assert images is not None
    mistakes = most_confident_mistakes(judge(made), settings.rows).tolist()
    if not mistakes:
        return None
    explainer = Explainer(scorer)
    targets = Targets(scorer, labels=evaluation.classes if scorer.task == ZERO_SHOT else None)
    places = {row: images.location(row) for row in mistakes}
    readable = islice(_readable(explainer, list(places.values())), MOST_TRIED)
    method = chosen_method(
        explainer,
        settings,
        # No other method needs pictures to be chosen.
        list(readable) if settings.method == "auto" else [],
        targets,
    ).method
    labels = {row: mistaken_labels(made, row) for row in mistakes}
    maps = sum(map(len, labels.values()))
    tell(cost_of(explainer, method, settings, maps, f"{maps} labels of {len(mistakes)} mistakes"))
    options = settings.options()
    pictures: list[ExplainedPicture] = []
    failures: list[str] = []
    for row in track(mistakes, "explaining mistakes"):
        if cancelled():
            raise RunCancelled("the evaluation was asked to stop; run it again to go on")
        name = places[row].rsplit("/", 1)[-1]
        parts = {evaluation.classes[code]: part for code, part in labels[row]}
        try:
            pixels = explainer.pixels_of(places[row])
            found = explainer.explain_pixels(pixels, method, targets, list(parts), options)
        except (ImageError, FetchError, ModelError, RuntimeError, MemoryError) as error:
            failures.append(f"{name}: {error}")
            continue
        pictures.append(shown_explanation(found, name, parts.__getitem__))
    return ExplainedPictures(method.name, method.detail, pictures, failures)


def _readable(explainer: Explainer, places: list[str]) -> Iterator[np.ndarray]:
    """Pixels of those that can be read; the others are told when their turn comes."""
    for place in places:
        try:
            yield explainer.pixels_of(place)
        except (ImageError, FetchError):
            continue
