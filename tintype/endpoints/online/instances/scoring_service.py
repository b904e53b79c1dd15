"""The walk *score*: a call becomes images, predictions, and an answer. One model, one process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from tintype.endpoints.online.calls import (
    Answer,
    RowErrors,
    ScoreCall,
    error_answer,
    parse_row_errors,
    refusal,
    too_late,
)
from tintype.endpoints.online.collecting.collecting import Collecting
from tintype.endpoints.online.instances.csv_apart import is_long_csv
from tintype.endpoints.online.instances.explaining import Explaining
from tintype.endpoints.online.instances.protocols import PROTOCOLS
from tintype.endpoints.online.instances.protocols.face import (
    Features,
    Limits,
    Probabilities,
    Rows,
    WireProtocol,
)
from tintype.errors import FetchError, ImageError, ModelError, RequestError, UsageError
from tintype.images.loading import pixels_of
from tintype.images.request import image_bytes_from_text
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT
from tintype.schemas.wire import Style, parse_style
from tintype.scoring.image_text import check_cells, check_texts
from tintype.scoring.label_sets import LabelSet, parse_labels
from tintype.scoring.micro_batcher import MicroBatcher
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings

__all__ = ["ScoringService", "ServiceOptions"]

_log = logging.getLogger("tintype")

# A body larger than this is parsed in a thread, so that other calls go on.
_PARSE_IN_THREAD = 256 * 1024

# Texts that go through the text tower between two looks at the clock.
_TEXTS_AT_ONCE = 64

# A canary that passed counts for so many seconds.
_CANARY_SECONDS = 2.0


@dataclass(frozen=True)
class ServiceOptions:
    """How a deployment answers, where a call does not say it."""

    style: Style = "probs"

    on_row_error: RowErrors = "fail"
    """`fail` refuses a call for its first unreadable image; `skip` answers the others."""

    max_waiting: int = 512
    """Images in the process at once; more are refused with 429."""


class ScoringService:
    """Answers calls with one Scorer; decodes in threads, joins calls into micro-batches."""

    def __init__(
        self,
        scorer: Scorer,
        options: ServiceOptions | None = None,
        *,
        name: str = "model",
        collecting: Collecting | None = None,
    ) -> None:
        """
        Args:
            name: what the Open Inference Protocol calls the model.
            collecting: what records requests; None: nothing does. Closed with the service.
        """
        self._collecting = collecting
        self.scorer = scorer
        self.name = name
        self._options = options or ServiceOptions()
        self._settings = get_settings()
        self.batcher = MicroBatcher(scorer, max_waiting=self._options.max_waiting)
        self._explaining = Explaining(scorer)
        self._decoders = ThreadPoolExecutor(scorer.choice.threads, thread_name_prefix="decode")
        self._long_csv = ThreadPoolExecutor(1, thread_name_prefix="long-csv")
        self._ready_until = 0.0

    def set_threads(self, count: int) -> None:
        """Use so many CPU threads, for images at once and for the model after its pass."""
        before = self._decoders
        self._decoders = ThreadPoolExecutor(count, thread_name_prefix="decode")
        before.shutdown(wait=False)
        self.batcher.between_passes(lambda: self.scorer.set_threads(count))

    @property
    def collected(self) -> dict[str, int] | None:
        """Samples that were `recorded` and `dropped`; None where nothing is to be recorded."""
        found = self._collecting
        return None if found is None else {"recorded": found.recorded, "dropped": found.dropped}

    def close(self) -> None:
        """Finish what is queued."""
        self.batcher.close()
        self._explaining.close()
        self._decoders.shutdown(wait=False)
        self._long_csv.shutdown(wait=False, cancel_futures=True)
        self.finish_collecting()

    def finish_collecting(self) -> None:
        """Have what was recorded written; what is answered after this is not."""
        if self._collecting is not None:
            self._collecting.close()

    async def answer(self, call: ScoreCall) -> Answer:
        """Answer one call; whatever goes wrong is an answer too."""
        try:
            return Answer(200, await self._answer(call, time.monotonic() + call.timeout_s))
        except RequestError as error:
            return refusal(error)
        except Exception:
            _log.exception("a call failed")
            return error_answer(500, "the server failed; its log says why")

    async def canary(self, timeout_s: float) -> Answer:
        """An image goes through the real queue and the model; a success counts for two seconds."""
        if time.monotonic() > self._ready_until:
            grey = np.full((*self.scorer.preprocessor.input_size, 3), 127, np.uint8)
            try:
                await self._run_model([grey], time.monotonic() + timeout_s, timeout_s)
            except RequestError as error:
                return error_answer(503, str(error))
            self._ready_until = time.monotonic() + _CANARY_SECONDS
        return Answer(200, b'{"status":"ready"}')

    # The walk ---------------------------------------------------------------------------------

    async def _answer(self, call: ScoreCall, deadline: float) -> bytes:
        protocol = PROTOCOLS[call.protocol]
        style, skip = self._wishes(call, protocol)
        rows = await self._rows(call, protocol)
        if rows.explanations:
            if style == "list":
                raise RequestError("explanations come in the styles probs (A) and ranked (C)")
            self._explaining.check(rows.explanations)
        rows.sample = self._collecting.sample(call.request_id) if self._collecting else None
        if skip:
            rows.errors = {}
        self.batcher.admit(len(rows.cells), deadline)
        try:
            if self.scorer.task == EMBEDDINGS:
                body = await self._embeddings(call, protocol, rows, deadline)
            else:
                body = await self._probabilities(call, protocol, rows, style, deadline)
            if self._collecting is not None and rows.sample is not None:
                self._collecting.record(rows.sample, _readable(rows))
            return body
        finally:
            self.batcher.release(len(rows.cells))

    def _wishes(self, call: ScoreCall, protocol: WireProtocol) -> tuple[Style, bool]:
        """The response style, and whether unreadable rows are skipped."""
        try:
            style = parse_style(call.style) if call.style else self._options.style
            skip = parse_row_errors(call.on_row_error or self._options.on_row_error) == "skip"
        except UsageError as error:
            raise RequestError(str(error)) from None
        return (style, skip) if protocol.has_styles else ("probs", False)

    async def _rows(self, call: ScoreCall, protocol: WireProtocol) -> Rows:
        limits = Limits(self._settings.max_request_rows, self.scorer.task != EMBEDDINGS)
        if len(call.body) < _PARSE_IN_THREAD:
            return protocol.read(call, limits)
        # One at a time: each is as large as a body may be, several times over.
        executor = self._long_csv if is_long_csv(call) else None
        reading = asyncio.get_running_loop().run_in_executor(executor, protocol.read, call, limits)
        try:
            async with asyncio.timeout(call.timeout_s):
                return await reading
        except TimeoutError:
            raise too_late(call.timeout_s) from None

    async def _probabilities(
        self, call: ScoreCall, protocol: WireProtocol, rows: Rows, style: Style, deadline: float
    ) -> bytes:
        """The answer of a classifier; zero-shot, by the labels of the first row's text."""
        label_set = None
        if self.scorer.task == ZERO_SHOT:
            # Labels before images: a call without them costs nothing.
            first = rows.texts[0] if rows.texts else ""
            label_set = await self._text_work(self._label_set, first)
        pixels = await self._decoded(rows, deadline, call.timeout_s)
        outputs = await self._outputs(pixels, deadline, call.timeout_s)
        labels = label_set.labels if label_set is not None else self.scorer.classes
        predictions = self.scorer.predictions(outputs, label_set) if len(outputs) else []
        if rows.sample is not None and rows.sample.predictions is not None:
            rows.sample.predictions = dict(zip(_readable(rows), predictions, strict=True))
        _keep_features(rows, outputs)
        rows_of_probs = [prediction.probs for prediction in predictions]
        explained = {}
        if rows.explanations:
            scored = zip(pixels, outputs, strict=True)
            explained = await self._explaining.explain(
                rows.explanations,
                dict(zip(_readable(rows), scored, strict=True)),
                label_set,
                deadline,
                call.timeout_s,
            )
        answer = Probabilities(rows_of_probs, labels, style, explained)
        return protocol.write_probabilities(rows, answer, self.name)

    async def _embeddings(
        self, call: ScoreCall, protocol: WireProtocol, rows: Rows, deadline: float
    ) -> bytes:
        """Features of images, of texts where the model reads them, or of both."""
        with_image = [bool(cell) for cell in rows.cells]
        with_text = [bool(text) for text in rows.texts] or [False] * len(with_image)
        unfit = check_texts(rows.texts)
        if unfit is not None:
            raise RequestError(f"row {unfit.row}: {unfit.reason}", row=unfit.row)
        if self.scorer.reads_text or any(with_text):
            mixed = check_cells(with_image, with_text)
            if mixed is not None:
                raise RequestError(mixed.reason, row=mixed.row)
        images = texts = None
        if any(with_text):
            texts = await self._text_features(rows.texts, deadline, call.timeout_s)
            # A row is whole or not at all: with texts, an unreadable image refuses the call.
            rows.errors = None
        if not any(with_text) or any(with_image):
            pixels = await self._decoded(rows, deadline, call.timeout_s)
            outputs = await self._outputs(pixels, deadline, call.timeout_s)
            _keep_features(rows, outputs)
            embeddings = self.scorer.embeddings(outputs) if len(outputs) else []
            images = [embedding.features for embedding in embeddings]
        return protocol.write_features(rows, Features(images, texts), self.name)

    async def _text_features(
        self, texts: Sequence[str], deadline: float, timeout_s: float
    ) -> list[np.ndarray]:
        """float32 (D,) of each text."""
        features: list[np.ndarray] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            if time.monotonic() > deadline:
                raise too_late(timeout_s)
            part = texts[start : start + _TEXTS_AT_ONCE]
            features += list(await self._text_work(self.scorer.embed_texts, part))
        return features

    async def _outputs(
        self, pixels: list[np.ndarray], deadline: float, timeout_s: float
    ) -> np.ndarray:
        """What the model gives for the readable rows: float32 (n, D)."""
        if not pixels:
            return np.zeros((0, 1), np.float32)
        return np.stack(await self._run_model(pixels, deadline, timeout_s))

    # Its parts --------------------------------------------------------------------------------

    def _label_set(self, text: str) -> LabelSet | None:
        return self.scorer.label_set(parse_labels(text) if text.strip() else None)

    async def _text_work(self, work: Callable[[Any], Any], argument: Any) -> Any:
        """Run the text tower off the event loop; what it refuses is the client's fault."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._decoders, work, argument)
        except UsageError as error:
            raise RequestError(str(error)) from None

    async def _decoded(self, rows: Rows, deadline: float, timeout_s: float) -> list[np.ndarray]:
        """Preprocessed pixels of the rows, without those that `rows.errors` gets to hold.

        Raises:
            RequestError: 422 for the first row that cannot be read, where rows are not skipped.
        """
        loop = asyncio.get_running_loop()
        kept = None if rows.sample is None else rows.sample.pictures
        jobs = [
            loop.run_in_executor(self._decoders, self._decode, cell, row, deadline, kept)
            for row, cell in enumerate(rows.cells)
        ]
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                if rows.errors is None:
                    return list(await asyncio.gather(*jobs))
                results = await asyncio.gather(*jobs, return_exceptions=True)
        except TimeoutError:
            raise too_late(timeout_s) from None
        finally:
            for job in jobs:
                job.cancel()
        pixels = []
        for row, result in enumerate(results):
            if isinstance(result, RequestError) and result.row is not None:
                rows.errors[row] = result
            elif isinstance(result, BaseException):
                raise result
            else:
                pixels.append(result)
        return pixels

    def _decode(
        self, cell: str | bytes, row: int, deadline: float, kept: dict[int, bytes] | None
    ) -> np.ndarray:
        if time.monotonic() > deadline:
            raise RequestError("no answer in time", status=408)
        try:
            data = (
                image_bytes_from_text(cell, settings=self._settings)
                if isinstance(cell, str)
                else cell
            )
            pixels = pixels_of(data, self.scorer.preprocessor, exact=self.scorer.exact)
            if kept is not None:
                kept[row] = data
            return pixels
        except (ImageError, FetchError) as error:
            raise RequestError(f"row {row}: {error}", status=422, row=row) from None

    async def _run_model(
        self, pixels: list[np.ndarray], deadline: float, timeout_s: float
    ) -> list[np.ndarray]:
        futures = self.batcher.submit(pixels, deadline)
        loop = asyncio.get_running_loop()
        waiting = [asyncio.wrap_future(future) for future in futures]
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return list(await asyncio.gather(*waiting))
        except TimeoutError:
            raise too_late(timeout_s) from None
        except (ModelError, RuntimeError, MemoryError) as error:
            _log.exception("the model failed")
            # Azure's status for a model that failed; see docs/contracts.md §6.3.
            raise RequestError(f"the model failed: {type(error).__name__}", status=424) from None
        finally:
            for future in futures:
                future.cancel()


def _keep_features(rows: Rows, outputs: np.ndarray) -> None:
    """Have what the model gave for the readable rows recorded, where that is asked for."""
    if rows.sample is not None and rows.sample.embeddings is not None and len(outputs):
        rows.sample.embeddings = dict(zip(_readable(rows), outputs, strict=True))


def _readable(rows: Rows) -> list[int]:
    """Places of the rows that could be read."""
    count = max(len(rows.cells), len(rows.texts))
    return [row for row in range(count) if row not in (rows.errors or ())]
