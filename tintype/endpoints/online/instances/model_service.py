"""From a specification to a warm model that answers: what an instance and a Ray replica both are."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import numpy as np

from tintype.endpoints.online.calls import answer_header, call_of, parse_row_errors
from tintype.endpoints.online.collecting.collecting import Collecting
from tintype.endpoints.online.instances.scoring_service import ScoringService, ServiceOptions
from tintype.errors import CheckpointError, ModelError, UsageError
from tintype.explaining.offered import offered_explanations
from tintype.schemas.data_collector import DataCollector
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import EMBEDDINGS
from tintype.schemas.wire import parse_style
from tintype.scoring.scorer import Scorer

__all__ = ["Replica", "describe", "open_service", "open_text_tower", "warm_up"]

_log = logging.getLogger("tintype")

_HEALTH_SECONDS = 25.0


def open_service(specification: dict[str, Any]) -> ScoringService:
    """Load the model that a specification (see `plans.plan_of`) names.

    Raises:
        CheckpointError, UsageError: it cannot be loaded as asked.
    """
    settings = specification["settings"]
    scorer = Scorer.load(specification["model"], ScorerOptions.of(**settings["scoring"]))
    options = ServiceOptions(
        parse_style(settings["style"]),
        parse_row_errors(settings["on_row_error"]),
        settings["max_waiting"],
    )
    endpoint, deployment = specification["endpoint"], specification["deployment"]
    collecting = None
    if specification.get("collector"):
        collector = DataCollector.model_validate(specification["collector"])
        _check_embedding(collector, scorer)
        collecting = Collecting(collector, endpoint, deployment)
    return ScoringService(scorer, options, name=deployment, collecting=collecting)


def _check_embedding(collector: DataCollector, scorer: Scorer) -> None:
    """
    Raises:
        UsageError: features are to be recorded, and the model's answers come without any.
    """
    if collector.embedding and scorer.output == "logits":
        raise UsageError(
            f"data_collector.embedding: a model for {scorer.task} gives no features with its answers, and a second "
            "pass for each request would cost as much as the first; leave it out, record the pictures "
            "(collections.model_inputs) and have a monitor embed these"
        )


def warm_up(service: ScoringService) -> None:
    """A pass of every size of batch up to the largest: compilers specialise on first use."""
    scorer = service.scorer
    size = 1
    while size <= scorer.batch_size:
        scorer.run(np.full((size, *scorer.preprocessor.input_size, 3), 127, np.uint8))
        size *= 2
    open_text_tower(scorer)


def open_text_tower(scorer: Scorer) -> None:
    """Open what embeds texts, where the model does: the first call could not wait for it."""
    if scorer.task != EMBEDDINGS or not scorer.reads_text:
        return
    try:
        scorer.embed_texts(["a photo"])
    except CheckpointError as error:
        # Images are embedded all the same.
        _log.warning("texts cannot be embedded: %s", error)


def describe(service: ScoringService) -> dict[str, Any]:
    """The model, JSON-able."""
    scorer = service.scorer
    return {
        "task": scorer.task,
        "classes": list(scorer.classes),
        "reads_text": scorer.reads_text,
        "batch_size": scorer.batch_size,
        "explanations": offered_explanations(scorer.task, scorer.checkpoint),
        "model": scorer.describe(),
    }


class Replica:
    """See `ray_serving.ServicePlan.factory`."""

    def __init__(self, specification: dict[str, Any]) -> None:
        self._service = open_service(specification)
        warm_up(self._service)

    async def answer(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Score, or (`{"kind": "canary"}`, `{"kind": "describe"}`) tell of the model."""
        if header["kind"] == "describe":
            return {"status": 200, "headers": {}}, json.dumps(describe(self._service)).encode()
        if header["kind"] == "canary":
            answer = await self._service.canary(float(header["timeout_s"]))
        else:
            answer = await self._service.answer(call_of(header, body))
        return answer_header(answer), answer.body

    async def check_health(self) -> None:
        """
        Raises:
            ModelError: no image gets through the model.
        """
        async with asyncio.timeout(_HEALTH_SECONDS):
            answer = await self._service.canary(_HEALTH_SECONDS)
        if answer.status != 200:
            raise ModelError(answer.body.decode())
