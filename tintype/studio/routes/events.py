"""What changes, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from tintype.studio.state import StudioOf
from tintype.studio.watch import Event, check_topics

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def stream_events(
    studio: StudioOf,
    topic: Annotated[list[str], Query()] = [],  # noqa: B006
) -> StreamingResponse:
    """Events `change` with `{"topic": ..., "parts": [...]}`: what to ask for again. Events `beat` tell
    that the connection lives.

    Topics: `runs`, and `run:NAME`, whose parts are record, log, trials, graph, metrics and children; `labelling`;
    `endpoints`, and `endpoint:NAME`, whose parts are record, logs and metrics; `table:KEY`, whose parts are
    reading, inspection and map.
    """
    check_topics(topic)
    events = studio.watch.events(topic)
    # The first is asked for here, so that a refusal is an answer of its own.
    first = await anext(events)

    async def lines() -> AsyncIterator[str]:
        yield _line(first)
        async for event in events:
            yield _line(event)

    return StreamingResponse(
        lines(), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


def _line(event: Event) -> str:
    if "beat" in event:
        return "retry: 2000\nevent: beat\ndata:\n\n"
    return f"event: change\ndata: {json.dumps(event)}\n\n"
