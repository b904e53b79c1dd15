"""Why a model said what a run has predicted: explained by the studio itself, beside its event loop."""

from __future__ import annotations

import base64
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tintype.errors import (
    CheckpointError,
    FetchError,
    ImageError,
    MissingExtraError,
    RequestError,
    UsageError,
)
from tintype.explaining.methods import check_method, require_explain_extra
from tintype.explaining.offered import offered_explanations
from tintype.explaining.thread import ExplainingThread
from tintype.jobs.predicting import predicting_model
from tintype.jobs.run import Run
from tintype.schemas.explanation import MethodName

if TYPE_CHECKING:
    from tintype.explaining.explainer import Explainer

__all__ = ["MOST_SECONDS", "Explanations", "PredictedPicture"]

MOST_SECONDS = 120.0
"""From a question to its answer, loading the model included."""

# Both of a comparison.
_MOST_MODELS = 2

_MOST_LABELS = 16

_THRESHOLD = 0.5
"""Of several labels, those from here on are explained."""

T = TypeVar("T")


@dataclass(frozen=True)
class PredictedPicture:
    """A picture that a run has predicted."""

    run: str
    location: str
    """Its path or URL."""
    labels: tuple[str, ...]
    """What the data say of it."""


class Explanations:
    """Explains one picture at a time; models are loaded when they are first asked, and the last two kept."""

    def __init__(self) -> None:
        self._thread = ExplainingThread()
        # Of the explaining thread alone.
        self._kept: OrderedDict[tuple[str, str], Explainer] = OrderedDict()

    def close(self) -> None:
        """Give up what waits."""
        self._thread.close()

    async def offered(self, run: str) -> dict[str, Any]:
        """What may be asked about the predictions of a run: see `offered_explanations`, with `timeout_s`.

        Raises:
            RequestError: as `explain`.
        """
        found: dict[str, Any] = await self._in_turn(partial(self._offered, run))
        return {**found, "timeout_s": MOST_SECONDS}

    async def explain(self, asked: PredictedPicture, method: MethodName) -> list[dict[str, Any]]:
        """Why its model sees in a picture what it predicts, and how far it sees what the data say.

        Returns:
            `label`, `share` (its probability) and `picture` (see `grid_png`, as base64) of the likeliest label, or of
            each that is likely enough where there may be several, and of the labels of the data that it knows.

        Raises:
            RequestError: 400 for a method that is not valid for the model, 404 for a run that is gone, 408 after
                `MOST_SECONDS`, 409 for a model that cannot be loaded, 422 for a picture that cannot be read,
                424 for a model that failed, 429 while too many wait, 501 without the extra `explain`.
        """
        found: list[dict[str, Any]] = await self._in_turn(partial(self._explain, asked, method))
        return found

    async def _in_turn(self, work: Callable[[], T]) -> T:
        self._thread.check_room()
        try:
            return (await self._thread.run([work], time.monotonic() + MOST_SECONDS))[0]
        except TimeoutError:
            raise RequestError(f"no explanation within {MOST_SECONDS:g} s", status=408) from None

    def _offered(self, run: str) -> dict[str, Any]:
        scorer = self._explainer(run).scorer
        return offered_explanations(scorer.task, scorer.checkpoint)

    def _explain(self, asked: PredictedPicture, method: MethodName) -> list[dict[str, Any]]:
        from tintype.explaining.pictures import grid_png
        from tintype.explaining.targets import Targets

        explainer = self._explainer(asked.run)
        checked = check_method(method, explainer.scorer.checkpoint)
        targets = Targets(explainer.scorer)
        try:
            pixels = explainer.pixels_of(asked.location)
        except (ImageError, FetchError) as error:
            raise RequestError(f"the picture cannot be read: {error}", status=422) from None
        outputs = explainer.scorer.run(pixels[None])[0]
        predicted = [target.label for target, _ in targets.choose(outputs, (), _THRESHOLD)]
        known = [label for label in asked.labels if label in targets.labels]
        names = list(dict.fromkeys([*predicted, *known]))[:_MOST_LABELS]
        if not names:
            return []
        found = explainer.explain_pixels(pixels.copy(), checked, targets, names, outputs=outputs)
        return [
            {
                "label": each.label,
                "share": each.confidence,
                "picture": base64.b64encode(grid_png(found.pixels, each.map)).decode(),
            }
            for each in found.attributions
        ]

    def _explainer(self, run: str) -> Explainer:
        try:
            require_explain_extra()
        except MissingExtraError as error:
            raise RequestError(str(error), status=501) from None
        # They import torch.
        from tintype.explaining.explainer import Explainer
        from tintype.scoring.scorer import Scorer

        try:
            model, options = predicting_model(Run(run))
        except UsageError as error:
            raise RequestError(str(error), status=404) from None
        key = (model, options.model_dump_json())
        if key not in self._kept:
            # Before there are too many in memory.
            while len(self._kept) >= _MOST_MODELS:
                self._kept.popitem(last=False)
            try:
                self._kept[key] = Explainer(Scorer.load(model, options))
            except (CheckpointError, UsageError) as error:
                raise RequestError(f"its model cannot be loaded: {error}", status=409) from None
        self._kept.move_to_end(key)
        return self._kept[key]
