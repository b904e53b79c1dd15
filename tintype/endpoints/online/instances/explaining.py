"""Explanations that calls ask for: a queue and a thread of their own, beside scoring."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tintype.endpoints.online.calls import too_late
from tintype.errors import MissingExtraError, ModelError, RequestError, UsageError
from tintype.schemas.explained_cell import XaiParameters
from tintype.schemas.task import EMBEDDINGS, MULTILABEL
from tintype.scoring.label_sets import LabelSet
from tintype.scoring.scorer import Scorer

if TYPE_CHECKING:
    from tintype.explaining.explainer import Explainer

__all__ = ["MOST_EXPLAINED", "Explaining"]

MOST_EXPLAINED = 16
"""Rows that one call may have explained: each takes seconds."""

_MOST_WAITING = 32

# Of 10 against 0: a tenth of a busy core, so that explanations go on beside a server at its limit.
_NICE = 10


class Explaining:
    """Explains answers of one Scorer, one at a time. The network in torch is loaded when the first is asked for."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explain", initializer=_step_aside)
        self._waiting = 0
        self._closed = threading.Event()

    def close(self) -> None:
        """Give up what waits; what is under way ends with its image."""
        self._closed.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

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
        if self._scorer.task == EMBEDDINGS:
            raise RequestError(
                "embeddings have no class to explain; `tintype explain --with OTHER.jpg` explains a likeness"
            )
        from tintype.explaining.methods import check_method, require_explain_extra

        try:
            require_explain_extra()
        except MissingExtraError as error:
            raise RequestError(str(error), status=501) from None
        for row, parameters in wanted.items():
            try:
                check_method(parameters.xai_algorithm, self._scorer.checkpoint)
            except UsageError as error:
                raise RequestError(f"row {row}: xai_algorithm: {error}", row=row) from None
        if self._waiting + len(wanted) > _MOST_WAITING:
            raise RequestError(
                f"{self._waiting} explanations wait already; ask again later", status=429
            )

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
        loop = asyncio.get_running_loop()
        labels = None if label_set is None else label_set.labels
        rows = [row for row in wanted if row in scored]
        jobs = [
            loop.run_in_executor(
                self._thread, self._explain, *scored[row], wanted[row], labels, deadline, timeout_s
            )
            for row in rows
        ]
        self._waiting += len(jobs)
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return dict(zip(rows, await asyncio.gather(*jobs), strict=True))
        except TimeoutError:
            raise too_late(timeout_s) from None
        except (ModelError, RuntimeError, MemoryError) as error:
            raise RequestError(f"the explanation failed: {error}", status=424) from None
        finally:
            self._waiting -= len(jobs)
            for job in jobs:
                job.cancel()

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
        deadline: float,
        timeout_s: float,
    ) -> dict[str, Any]:
        from tintype.explaining.methods import find_method
        from tintype.explaining.pictures import grid_png
        from tintype.explaining.targets import Targets

        # Whoever asked has gone meanwhile.
        if time.monotonic() > deadline or self._closed.is_set():
            raise too_late(timeout_s)
        explainer = self._explainer
        targets = Targets(self._scorer, labels=labels)
        method = find_method(parameters.xai_algorithm)
        found = explainer.explain_pixels(
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


def _step_aside() -> None:
    """Have this thread, and those of torch that it starts, wait for threads that score. Linux alone has priorities
    of threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
