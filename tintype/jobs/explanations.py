"""What the explanations of batches and of evaluations have in common: their check, the method, what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.batch.pace import span
from tintype.errors import UsageError, nearest
from tintype.explaining.methods import Method, check_method, require_explain_extra, valid_methods
from tintype.models.catalog import find_card
from tintype.models.checkpoint import Checkpoint
from tintype.schemas.document import KeyPath
from tintype.schemas.explanation_settings import ExplanationSettings
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT, Task

if TYPE_CHECKING:
    import numpy as np

    from tintype.explaining.explainer import Explainer
    from tintype.explaining.targets import Targets
    from tintype.scoring.scorer import Scorer

__all__ = ["ChosenMethod", "check_explain", "check_explains", "chosen_method", "cost_of"]

_SHOWN_LABELS = 10


@dataclass(frozen=True)
class ChosenMethod:
    """The method of all explanations of one piece of work."""

    method: Method
    compared: list[dict[str, Any]] = field(default_factory=list)
    """How the methods did that auto compared, JSON-able."""


def check_explain(
    model: str,
    scoring: ScorerOptions,
    settings: ExplanationSettings,
    error_at: Callable[[KeyPath, str], UsageError],
    target: Sequence[str] = (),
) -> None:
    """What can be known of `explain` before the model is loaded; of a model on the Hub, by its card alone.

    Args:
        model: settled: a folder, or a name of the catalog or the Hub.
        error_at: (key, message) -> an error that names the key's place; see `JobHead.error_at`.
        target: labels to explain.

    Raises:
        UsageError: as `error_at` makes it.
    """
    try:
        require_explain_extra()
    except UsageError as error:
        raise error_at(("explain",), str(error)) from None
    known = _known_model(model)
    if known is None:
        return
    checkpoint, task, classes = known
    task = scoring.task or task
    if task == EMBEDDINGS:
        raise error_at(("explain",), _no_labels())
    if settings.method != "auto":
        try:
            check_method(settings.method, checkpoint)
        except UsageError as error:
            raise error_at(("explain", "method"), str(error)) from None
    labels = tuple(scoring.labels or ()) if task == ZERO_SHOT else classes
    for label in target if labels else ():
        if label not in labels:
            shown = ", ".join(labels[:_SHOWN_LABELS]) + ", ..." * (len(labels) > _SHOWN_LABELS)
            raise error_at(
                ("explain", "target"),
                f"label {label!r} is not one of the model's ({shown}).{nearest(label, labels)}",
            )


def check_explains(scorer: Scorer, settings: ExplanationSettings) -> None:
    """That a loaded model can be explained so.

    Raises:
        MissingExtraError: the extra `explain` is not installed.
        UsageError: the model's answers have no labels, or the method is not valid for it.
    """
    require_explain_extra()
    if scorer.task == EMBEDDINGS:
        raise UsageError(_no_labels())
    if settings.method != "auto":
        check_method(settings.method, scorer.checkpoint)


def chosen_method(
    explainer: Explainer,
    settings: ExplanationSettings,
    pixels: Sequence[np.ndarray],
    targets: Targets | None,
    names: Sequence[str] = (),
) -> ChosenMethod:
    """The method that `settings` name, or the most faithful on `pixels`, uint8 (h, w, 3) each; of none the cheapest.

    Args:
        targets: needed where there are pixels; `names` of them are explained.

    Raises:
        UsageError: it is not valid for the model.
    """
    from tintype.explaining import automatic
    from tintype.progress import working

    checkpoint = explainer.scorer.checkpoint
    if settings.method != "auto":
        return ChosenMethod(check_method(settings.method, checkpoint))
    options = settings.options()
    if not pixels or targets is None:
        return ChosenMethod(
            min(valid_methods(checkpoint), key=lambda method: method.passes(options))
        )
    with working("comparing methods"):
        choice = automatic.choose_method(
            explainer, pixels, targets, names, options, seconds=settings.seconds
        )
    return ChosenMethod(choice.method, [tried.shown() for tried in choice.tried])


def cost_of(
    explainer: Explainer, method: Method, settings: ExplanationSettings, maps: int, what: str
) -> str:
    """What it will cost, in a sentence; by the time of a pass here and now.

    Args:
        maps: how many will be made.
        what: of what, in words.
    """
    import numpy as np

    from tintype.explaining.automatic import seconds_of_a_pass

    grey = np.full((*explainer.scorer.preprocessor.input_size, 3), 127, np.uint8)
    passes = method.passes(settings.options())
    seconds = maps * passes * seconds_of_a_pass(explainer, grey, method.needs)
    return (
        f"explaining {what} by {method.name}, about {passes:,.3g} forward passes each: "
        f"about {span(seconds)}"
    )


def _no_labels() -> str:
    return (
        "embeddings have no labels whose answers could be explained; take explain out, or a model that "
        "classifies"
    )


def _known_model(model: str) -> tuple[Checkpoint, Task, tuple[str, ...]] | None:
    """Checkpoint, task and classes (empty where they are not known), without a download; None where even the
    architecture would need one."""
    if Path(model).is_dir():
        from tintype.scoring.loading import open_source

        source = open_source(model)
        checkpoint = source.checkpoint
        return (
            checkpoint,
            source.task or checkpoint.default_task(),
            source.classes or checkpoint.classes,
        )
    card = find_card(model)
    if card is None:
        return None
    return Checkpoint(model, Path(), {"model_type": card.family}), card.task, ()
