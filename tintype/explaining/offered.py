"""Which explanations a model offers, for those who ask for them from afar."""

from __future__ import annotations

from typing import Any

from tintype.errors import UsageError
from tintype.explaining.methods import default_method, require_explain_extra, valid_methods
from tintype.models.checkpoint import Checkpoint
from tintype.schemas.explanation import ExplanationOptions
from tintype.schemas.task import EMBEDDINGS, Task

__all__ = ["check_explainable", "offered_explanations"]


def check_explainable(task: Task) -> None:
    """Refuse what has no class to explain, or cannot be explained on this machine.

    Raises:
        UsageError: the answers are embeddings.
        MissingExtraError: captum or saliency is not installed.
    """
    if task == EMBEDDINGS:
        raise UsageError(
            "embeddings have no class to explain; `tintype explain --with OTHER.jpg` explains a likeness"
        )
    require_explain_extra()


def offered_explanations(task: Task, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """What may be asked of a model, JSON-able.

    Returns:
        `methods`, a list of the valid ones, the quickest first: `name`, and `passes`, about how many forward
        passes of one image it takes; `default`, the name of the quickest that tells classes apart; `unavailable`,
        None, or why nothing is offered, in a sentence.
    """
    try:
        check_explainable(task)
    except UsageError as error:
        return {"methods": [], "default": None, "unavailable": str(error)}
    options = ExplanationOptions()
    methods = sorted(valid_methods(checkpoint), key=lambda method: method.passes(options))
    return {
        "methods": [{"name": each.name, "passes": each.passes(options)} for each in methods],
        "default": default_method(checkpoint).name,
        "unavailable": None,
    }
