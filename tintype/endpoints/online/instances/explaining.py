"""Explanations that calls ask for: a queue and a thread of their own, beside scoring."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tintype.endpoints.online.calls import too_late
from tintype.errors import MissingExtraError, RequestError, UsageError
from tintype.explaining.methods import check_method, find_method
from tintype.explaining.offered import check_explainable
from tintype.explaining.pictures import grid_png
from tintype.explaining.targets import Targets
from tintype.explaining.thread import ExplainingThread
from tintype.schemas.explained_cell import XaiParameters
from tintype.schemas.task import MULTILABEL
from tintype.scoring.label_sets import LabelSet
from tintype.scoring.scorer import Scorer

if TYPE_CHECKING:
    from tintype.explaining.explainer import Explainer

__all__ = ["MOST_EXPLAINED", "Explaining"]

MOST_EXPLAINED = 16
"""Rows that one call may have explained: each takes seconds."""


class Explaining:
    """Explains answers of one Scorer, one at a time. The network in torch is loaded when the first is asked for."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._thread = ExplainingThread()

    def close(self) -> None:
        """Give up what waits; what is under way ends with its image."""
        self._thread.close()

    def check(self, wanted: Mapping[int, XaiParameters]) -> None:
        """Refuse what cannot be explained, before anything is scored.

        Raises:
            RequestError: 422 for too many rows, 400 for a method that is not valid for the model, 429 while too many
                wait, 501 where the libraries are not installed.
        """
        if len(wanted) > MOST_EXPLAINED:
            raise RequestError(
                f"{len(wanted)} rows are to be explained; the limit is {MOST_EXPLAINED} a request. A folder is "
                "explained by `tintype explain`",
                status=422,
            )
        try:
            check_explainable(self._scorer.task)
        except MissingExtraError as error:
            raise RequestError(str(error), status=501) from None
        except UsageError as error:
            raise RequestError(str(error)) from None
        for row, parameters in wanted.items():
            try:
                check_method(parameters.xai_algorithm, self._scorer.checkpoint)
            except UsageError as error:
                raise RequestError(f"row {row}: xai_algorithm: {error}", row=row) from None
        self._thread.check_room(len(wanted))

    async def explain(
        self,
        wanted: Mapping[int, XaiParameters],
        scored: Mapping[int, tuple[np.ndarray, np.ndarray]],
        label_set: LabelSet | None,
        deadline: float,
        timeout_s: float,
    ) -> dict[int, dict[str, Any]]:
        """What the answers of rows are to have besides: `visualizations` and `attributions`, as far as asked for.

        Args:
            wanted: by row.
            scored: pixels, uint8 (h, w, 3) as the preprocessor gives them, and outputs, float32 (D,), by row; rows
                that are missing could not be read.
            label_set: of a zero-shot call.
            deadline: of time.monotonic().

        Raises:
            RequestError: 408 after the deadline, 424 for a model that failed.
        """
        labels = None if label_set is None else label_set.labels
        rows = [row for row in wanted if row in scored]
        works = [partial(self._explain, *scored[row], wanted[row], labels) for row in rows]
        try:
            return dict(zip(rows, await self._thread.run(works, deadline), strict=True))
        except TimeoutError:
            raise too_late(timeout_s) from None

    @cached_property
    def _explainer(self) -> Explainer:
        from tintype.explaining.explainer import Explainer

        return Explainer(self._scorer)

    def _explain(
        self,
        pixels: np.ndarray,
        outputs: np.ndarray,
        parameters: XaiParameters,
        labels: tuple[str, ...] | None,
    ) -> dict[str, Any]:
        targets = Targets(self._scorer, labels=labels)
        method = find_method(parameters.xai_algorithm)
        found = self._explainer.explain_pixels(
            pixels.copy(), method, targets, options=parameters, outputs=outputs
        )
        told: dict[str, Any] = {}
        if parameters.visualizations:
            pictures = [grid_png(found.pixels, each.map) for each in found.attributions]
            told["visualizations"] = [base64.b64encode(png).decode() for png in pictures]
        if parameters.attributions:
            told["attributions"] = [
                np.ascontiguousarray(each.values) for each in found.attributions
            ]
        if self._scorer.task == MULTILABEL:
            return told
        return {key: values[0] for key, values in told.items()}
