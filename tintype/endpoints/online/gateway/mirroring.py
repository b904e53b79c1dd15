"""Copies of requests for the deployment with mirror traffic: sent, held against the live answer, and dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tintype.endpoints.online.calls import Answer, ScoreCall, refusal
from tintype.endpoints.online.deployments.protocol import Answering
from tintype.endpoints.online.gateway.served import ServedEndpoint
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.errors import RequestError

__all__ = ["MirroredCall", "Mirroring", "answered_labels"]

# Copies that may be under way at once.
_MOST_MIRRORED = 64

# Longer answers are not looked into: reading them would hold other requests up.
_MOST_COMPARED_BYTES = 1024 * 1024


@dataclass(frozen=True)
class MirroredCall:
    """A copy under way."""

    endpoint: str
    deployment: str
    answer: asyncio.Task[Answer]


class Mirroring:
    """Sends copies, and counts how often both answers agree."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        self._metrics = metrics
        self._under_way: set[asyncio.Task[Answer]] = set()

    def send(self, endpoint: ServedEndpoint, call: ScoreCall) -> MirroredCall | None:
        """Send a copy, where the endpoint's mirror traffic draws one; nothing waits for it."""
        backend = endpoint.mirrored()
        if backend is None or len(self._under_way) >= _MOST_MIRRORED:
            return None
        task = asyncio.ensure_future(_quietly(backend, call))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return MirroredCall(endpoint.name, backend.name, task)

    def compare(self, mirrored: MirroredCall, live: Answer) -> None:
        """Once its answer is there, hold it against the live one, row by row."""

        def told(task: asyncio.Task[Answer]) -> None:
            if task.cancelled() or task.exception() is not None or live.status != 200:
                return
            counted = _differences(live, task.result())
            if counted is not None:
                self._metrics.mirrored(mirrored.endpoint, mirrored.deployment, *counted)

        mirrored.answer.add_done_callback(told)


def answered_labels(body: bytes) -> list[str | None] | None:
    """The likeliest label of each row of an answer in Azure's or MLflow's form, in any response style; None for a row
    that holds an error, and where the answer has no labels."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    rows = content.get("predictions") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        return None
    labels = [_likeliest(row) for row in rows]
    return labels if any(label is not None for label in labels) else None


def _likeliest(row: Any) -> str | None:
    if isinstance(row, dict) and "probs" in row and row["probs"]:
        probs: Sequence[float] = row["probs"]
        return str(row["labels"][max(range(len(probs)), key=probs.__getitem__)])
    first = row.get("0") if isinstance(row, dict) else row[:1]
    first = first[0] if isinstance(first, list) and first else first
    return str(first["label"]) if isinstance(first, dict) and "label" in first else None


def _differences(live: Answer, mirrored: Answer) -> tuple[int, int] | None:
    """(rows, those that differ); None where they cannot be compared."""
    if len(live.body) > _MOST_COMPARED_BYTES or len(mirrored.body) > _MOST_COMPARED_BYTES:
        return None
    labels = answered_labels(live.body)
    if labels is None:
        return None
    others = answered_labels(mirrored.body) if mirrored.status == 200 else None
    if others is None or len(others) != len(labels):
        # What fails, or has no labels, agrees with nothing.
        return len(labels), len(labels)
    return len(labels), sum(one != other for one, other in zip(labels, others, strict=True))


async def _quietly(backend: Answering, call: ScoreCall) -> Answer:
    try:
        backend.check_room()
        return await backend.answer(call)
    except RequestError as error:
        return refusal(error)
